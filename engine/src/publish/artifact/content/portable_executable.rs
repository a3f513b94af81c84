//! The headers of a Windows program: its processor and sections, and the
//! installer it turns out to be.
//!
//! Reads the first bytes of the file and searches a bounded part of it; runs
//! nothing and trusts no offset.

use memchr::memmem;

/// What the headers tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers {
    pub(super) arch: Option<&'static str>,
    pub(super) sections: Vec<String>,
    /// Where what the sections hold ends: an installer's data begins there.
    pub(super) overlay: u64,
}

/// Most sections of a program, by the format's own rules.
const SECTIONS: usize = 96;
/// Length of a section's header.
const SECTION_BYTES: usize = 40;

/// Marks of installers, as their makers' own tools look for them.
const INNO: [&[u8]; 2] = [b"Inno Setup Setup Data (", b"rDlPtS"];
const NULLSOFT: &[u8] = b"\xef\xbe\xad\xdeNullsoftInst";

/// Reads the headers at the start of a file.
pub(super) fn headers(start: &[u8]) -> Option<Headers> {
    let word = |at: usize| start.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let long = |at: usize| start.get(at..at + 4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    if !start.starts_with(b"MZ") {
        return None;
    }
    let at = usize::try_from(long(0x3c)?).ok()?;
    if start.get(at..at.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let arch = match word(at + 4)? {
        0x014c => Some("x86"),
        0x8664 => Some("x64"),
        0x01c0 | 0x01c2 | 0x01c4 => Some("arm"),
        0xaa64 | 0xa641 | 0xa64e => Some("arm64"),
        _ => None,
    };
    let count = usize::from(word(at + 6)?).min(SECTIONS);
    let table = at + 24 + usize::from(word(at + 20)?);
    let mut headers = Headers { arch, ..Headers::default() };
    for section in (0..count).map(|nth| table + nth * SECTION_BYTES) {
        let Some(name) = start.get(section..section + 8) else { break };
        let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
        let (Some(length), Some(offset)) = (long(section + 16), long(section + 20)) else { break };
        headers.sections.push(name);
        headers.overlay = headers.overlay.max(u64::from(offset) + u64::from(length));
    }
    Some(headers)
}

/// Which installer a program is, by its headers and by what was read of it:
/// its start, and what follows its sections.
pub(super) fn installer(headers: &Headers, pieces: &[&[u8]]) -> Option<&'static str> {
    if headers.sections.iter().any(|name| name == ".wixburn") {
        return Some("burn");
    }
    let holds = |mark: &[u8]| pieces.iter().any(|piece| memmem::find(piece, mark).is_some());
    if holds(NULLSOFT) {
        return Some("nullsoft");
    }
    INNO.iter().any(|mark| holds(mark)).then_some("inno")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A program of headers alone.
    pub(in crate::publish::artifact) fn program(machine: u16, sections: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0; 0x80];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[0x3c] = 0x80;
        bytes.extend_from_slice(b"PE\0\0");
        bytes.extend_from_slice(&machine.to_le_bytes());
        bytes.extend_from_slice(&u16::try_from(sections.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(&[0; 12]);
        bytes.extend_from_slice(&[0; 4]);
        for name in sections {
            let mut header = [0; SECTION_BYTES];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[16] = 0x10;
            header[21] = 0x02;
            bytes.extend_from_slice(&header);
        }
        bytes.resize(0x210, 0);
        bytes
    }

    #[test]
    fn processors_and_sections_are_told() {
        for (machine, arch) in [(0x14c, "x86"), (0x8664, "x64"), (0xaa64, "arm64"), (0x1c4, "arm")] {
            let found = headers(&program(machine, &[".text", ".wixburn"])).unwrap();
            assert_eq!((found.arch, found.overlay), (Some(arch), 0x210));
            assert_eq!(installer(&found, &[]), Some("burn"));
        }
    }

    #[test]
    fn installers_are_known_by_their_marks() {
        let plain = headers(&program(0x8664, &[".text"])).unwrap();
        assert_eq!(installer(&plain, &[b"nothing"]), None);
        assert_eq!(installer(&plain, &[b"", b"..\xef\xbe\xad\xdeNullsoftInst.."]), Some("nullsoft"));
        assert_eq!(installer(&plain, &[b"..Inno Setup Setup Data (6.2.0).."]), Some("inno"));
    }

    #[test]
    fn nothing_is_read_beyond_the_end() {
        let whole = program(0x8664, &[".text", ".data"]);
        for length in 0..whole.len() {
            let _ = headers(&whole[..length]);
        }
        let mut wild = whole;
        wild[0x3c..0x40].copy_from_slice(&[255; 4]);
        assert_eq!(headers(&wild), None);
    }
}

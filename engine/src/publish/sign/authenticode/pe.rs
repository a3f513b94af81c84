//! Where a program for Windows carries its signature (PE/COFF, section "The
//! Attribute Certificate Table").

use std::ops::Range;

use super::AuthenticodeError;

/// Offset of the address of the PE header.
const PE_ADDRESS: usize = 0x3c;
/// Length of the signature "PE" and the COFF header.
const COFF_BYTES: usize = 24;
/// Offset of the checksum in the optional header.
const CHECKSUM: usize = 64;
/// Offsets of the data directories, and the number of the one we need.
const DIRECTORIES_32: usize = 96;
const DIRECTORIES_64: usize = 112;
const CERTIFICATES: usize = 4;
/// Length of the head of an entry, and its type "PKCS #7".
const ENTRY_HEAD: usize = 8;
const PKCS7: u16 = 2;

/// A program, its headers read.
#[derive(Debug)]
pub(super) struct Pe<'a> {
    bytes: &'a [u8],
    checksum: usize,
    directory: usize,
    /// The table of signatures; empty where there is none.
    table: Range<usize>,
}

impl<'a> Pe<'a> {
    /// Reads the headers.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, AuthenticodeError> {
        const WRONG: AuthenticodeError = AuthenticodeError::Damaged("it is no program for Windows");
        let header = word(bytes, PE_ADDRESS).ok_or(WRONG)? as usize;
        let is_pe = bytes.starts_with(b"MZ") && bytes.get(header..).is_some_and(|rest| rest.starts_with(b"PE\0\0"));
        let optional = header.checked_add(COFF_BYTES).filter(|_| is_pe).ok_or(WRONG)?;
        let directories = match half(bytes, optional).ok_or(WRONG)? {
            0x10b => DIRECTORIES_32,
            0x20b => DIRECTORIES_64,
            _ => return Err(WRONG),
        };
        let count = word(bytes, optional + directories - 4).ok_or(WRONG)?;
        let directory = optional + directories + 8 * CERTIFICATES;
        if count as usize <= CERTIFICATES {
            return Err(AuthenticodeError::Damaged("it has no room for a signature"));
        }
        let start = word(bytes, directory).ok_or(WRONG)? as usize;
        let length = word(bytes, directory + 4).ok_or(WRONG)? as usize;
        let table =
            if start == 0 && length == 0 { bytes.len()..bytes.len() } else { start..start.saturating_add(length) };
        // What lies behind the table would be signed by nobody.
        if table.start < directory + 8 || table.end != bytes.len() {
            return Err(AuthenticodeError::Damaged("its signature is not the end of it"));
        }
        Ok(Self { bytes, checksum: optional + CHECKSUM, directory, table })
    }

    /// All that is signed: everything but the checksum, the address of the
    /// signature, and the signature. An unsigned program is filled up to the
    /// length at which a signature can follow.
    pub(super) fn content(&self) -> [&'a [u8]; 4] {
        let filled = self.table.start.next_multiple_of(8) - self.table.start;
        let zeros: &'static [u8] = &[0; 8];
        [
            &self.bytes[..self.checksum],
            &self.bytes[self.checksum + 4..self.directory],
            &self.bytes[self.directory + 8..self.table.start],
            &zeros[..filled],
        ]
    }

    /// The one signature.
    pub(super) fn signature(&self) -> Result<&'a [u8], AuthenticodeError> {
        if self.table.is_empty() {
            return Err(AuthenticodeError::Unsigned);
        }
        let table = &self.bytes[self.table.clone()];
        let length = word(table, 0).map(|length| length as usize);
        let kind = half(table, 6);
        let entry = length.filter(|_| kind == Some(PKCS7)).and_then(|length| table.get(ENTRY_HEAD..length));
        let entry = entry.ok_or(AuthenticodeError::Unreadable("its entry is damaged"))?;
        if (ENTRY_HEAD + entry.len()).next_multiple_of(8) != table.len() {
            return Err(AuthenticodeError::Unreadable("there is more than one"));
        }
        Ok(entry)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?).map(|bytes| u16::from_le_bytes(bytes.try_into().expect("two bytes")))
}

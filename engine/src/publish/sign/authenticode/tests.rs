//! Signatures that count and signatures that do not. The files were signed by
//! osslsigncode, as `tests/it/signing.rs` has it do anew.

use std::ops::Range;

use super::*;

const PROGRAM: &[u8] = include_bytes!("../../../../../tests/fixtures/signed/tool.exe");
const SCRIPT: &[u8] = include_bytes!("../../../../../tests/fixtures/signed/install.ps1");
/// Where the signature of the program begins, and the checksum that it leaves out.
const SIGNATURE: usize = 1024;
const CHECKSUM: Range<usize> = 152..156;

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    changed[at] ^= 1;
    changed
}

#[test]
fn every_byte_that_is_signed_counts() {
    let verified = verify(Kind::Pe, PROGRAM).expect("a sound signature");
    assert_eq!((verified.signer.as_str(), verified.algorithm, verified.timestamp), ("Test Signer", Hash::Sha256, None));
    for at in 0..SIGNATURE {
        let found = verify(Kind::Pe, &flipped(PROGRAM, at));
        assert_eq!(found.is_ok(), CHECKSUM.contains(&at), "byte {at}: {found:?}");
    }
    let text = std::str::from_utf8(SCRIPT).expect("a script is text");
    let end = text.find("\r\n# SIG").expect("a signed script");
    verify(Kind::Script, SCRIPT).expect("a sound signature");
    for at in 0..end {
        assert!(verify(Kind::Script, &flipped(SCRIPT, at)).is_err(), "byte {at}");
    }
}

#[test]
fn a_signature_is_made_by_its_key() {
    // The last bytes of the entry are the signature itself, up to the filling.
    let last = PROGRAM.len() - 16;
    assert_eq!(verify(Kind::Pe, &flipped(PROGRAM, last)), Err(AuthenticodeError::Forged));
    for at in SIGNATURE..PROGRAM.len() {
        // What no signature covers may change; nothing may panic.
        let _ = verify(Kind::Pe, &flipped(PROGRAM, at));
    }
    for length in 0..PROGRAM.len() {
        assert!(verify(Kind::Pe, &PROGRAM[..length]).is_err(), "cut to {length}");
    }
}

#[test]
fn what_is_appended_is_refused() {
    let appended = [PROGRAM, b"payload!"].concat();
    assert!(matches!(verify(Kind::Pe, &appended), Err(AuthenticodeError::Damaged(_))));
    let appended = [SCRIPT, b"Remove-Item C:\\\r\n"].concat();
    assert!(matches!(verify(Kind::Script, &appended), Err(AuthenticodeError::Unreadable(_))));
    let text = std::str::from_utf8(SCRIPT).expect("a script is text");
    let inserted = text.replace("# SIG # End", "Remove-Item C:\\\r\n# SIG # End");
    assert!(matches!(verify(Kind::Script, inserted.as_bytes()), Err(AuthenticodeError::Unreadable(_))));
    let unsigned = &text[..text.find("\r\n# SIG").expect("a signed script")];
    assert_eq!(verify(Kind::Script, unsigned.as_bytes()), Err(AuthenticodeError::Unsigned));
}

#[test]
fn a_script_in_utf_16_is_hashed_as_it_is() {
    let text = "\u{feff}exit 0\r\n";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let digest = content_digest(Kind::Script, &bytes, Hash::Sha256).expect("a script");
    assert_eq!(digest, Hash::Sha256.digest(&[&bytes]));
    assert_eq!(digest, content_digest(Kind::Script, text.as_bytes(), Hash::Sha256).expect("a script"));
    assert!(content_digest(Kind::Script, &[0xff, 0xfe, 0], Hash::Sha256).is_err());
    assert!(content_digest(Kind::Script, &[0x80], Hash::Sha256).is_err());
}

//! Where a script of PowerShell carries its signature: in comments at its end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::AuthenticodeError;

const BEGIN: &str = "# SIG # Begin signature block";
const END: &str = "# SIG # End signature block";
/// How a script in UTF-16 begins.
const UTF_16: [u8; 2] = [0xff, 0xfe];

/// A script, as text.
#[derive(Debug)]
pub(super) struct Script {
    text: String,
    /// Where the signature begins, with the line break before it.
    end: Option<usize>,
}

impl Script {
    /// Reads a script in UTF-8 or UTF-16.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, AuthenticodeError> {
        const WRONG: AuthenticodeError = AuthenticodeError::Damaged("it is neither UTF-8 nor UTF-16");
        let text = if bytes.starts_with(&UTF_16) {
            let (units, []) = bytes.as_chunks::<2>() else { return Err(WRONG) };
            let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
            String::from_utf16(&units).map_err(|_| WRONG)?
        } else {
            std::str::from_utf8(bytes).map_err(|_| WRONG)?.to_owned()
        };
        let end = text.match_indices(BEGIN).find_map(|(at, _)| {
            let is_line = text[at + BEGIN.len()..].starts_with(['\r', '\n']);
            let before = text[..at].strip_suffix('\n').filter(|_| is_line)?;
            Some(before.strip_suffix('\r').unwrap_or(before).len())
        });
        Ok(Self { text, end })
    }

    /// What is signed: the text before the signature, in UTF-16.
    pub(super) fn content(&self) -> Vec<u8> {
        let content = &self.text[..self.end.unwrap_or(self.text.len())];
        content.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// The signature.
    pub(super) fn signature(&self) -> Result<Vec<u8>, AuthenticodeError> {
        const WRONG: AuthenticodeError = AuthenticodeError::Unreadable("its comments are damaged");
        let block = self.text[self.end.ok_or(AuthenticodeError::Unsigned)?..].trim();
        let inner = block.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END)).ok_or(WRONG)?;
        // PowerShell would run what stands in no comment.
        let lines = inner.lines().filter(|line| !line.is_empty()).map(|line| line.strip_prefix("# "));
        let base64 = lines.collect::<Option<String>>().ok_or(WRONG)?;
        STANDARD.decode(base64).map_err(|_| WRONG)
    }
}

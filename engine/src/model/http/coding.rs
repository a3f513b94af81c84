//! `Content-Encoding` and `Transfer-Encoding` (RFC 9110 section 8.4, RFC 9112
//! section 7).

use std::fmt;

/// Most codings of one answer, as curl has it.
pub const MOST_CODINGS: usize = 5;
/// Longest name of a coding that is repeated to the user.
const NAME_LETTERS: usize = 40;

/// A coding that changes the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coding {
    /// `gzip`, `x-gzip`.
    Gzip,
    /// `deflate`: the zlib format; some servers send bare deflate under this name.
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`.
    Zstd,
    /// Another one, by its name.
    Other(String),
}

impl Coding {
    /// None for what changes nothing. `aws-chunked` is how an upload was sent
    /// to an object store that kept the field; what it serves is no longer so.
    fn of(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "" | "identity" | "aws-chunked" => return None,
            "gzip" | "x-gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "br" => Self::Brotli,
            "zstd" => Self::Zstd,
            other => Self::Other(other.chars().filter(char::is_ascii_graphic).take(NAME_LETTERS).collect()),
        })
    }

    /// Whether a file of this name is the coded file itself: what a server that
    /// labels its stored archives means.
    fn is_stored_as(&self, name: &str) -> bool {
        let endings: &[&str] = match self {
            Self::Gzip => &[".gz", ".gzip", ".tgz", ".svgz", ".taz", ".apk", ".vgz"],
            Self::Deflate => &[".zz"],
            Self::Brotli => &[".br"],
            Self::Zstd => &[".zst", ".zstd", ".tzst"],
            Self::Other(_) => &[],
        };
        let name = name.to_ascii_lowercase();
        endings.iter().any(|ending| name.ends_with(ending))
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Other(name) => name,
        })
    }
}

/// The codings of an answer in the order in which they were applied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Codings(Vec<Coding>);

impl Codings {
    /// Reads the values of all fields of the name.
    pub fn of<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let values = values.into_iter().map(String::from_utf8_lossy);
        let named = values.flat_map(|value| value.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>());
        Self(named.filter_map(|name| Coding::of(&name)).collect())
    }

    /// Whether the bytes are the file's own.
    pub fn is_identity(&self) -> bool {
        self.0.is_empty()
    }

    /// The codings, the one applied first at the beginning.
    pub fn as_slice(&self) -> &[Coding] {
        &self.0
    }

    /// These, and then others.
    #[must_use]
    pub fn and_then(&self, later: &Self) -> Self {
        Self([self.as_slice(), later.as_slice()].concat())
    }

    /// Whether the file that a name promises is the coded one.
    pub fn are_stored_as(&self, name: &str) -> bool {
        matches!(&self.0[..], [coding] if coding.is_stored_as(name))
    }
}

impl fmt::Display for Codings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, coding) in self.0.iter().take(MOST_CODINGS).enumerate() {
            write!(f, "{}{coding}", if index > 0 { ", " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Codings {
        Codings::of(values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn reads_what_servers_write() {
        for identity in [&[] as &[&str], &[""], &["identity"], &["Identity, aws-chunked"], &["aws-chunked"], &[" , "]] {
            assert!(read(identity).is_identity(), "{identity:?}");
        }
        assert_eq!(read(&["X-GZip"]).as_slice(), [Coding::Gzip]);
        assert_eq!(read(&["aws-chunked,gzip"]).as_slice(), [Coding::Gzip]);
        assert_eq!(read(&["gzip, br", "zstd"]).to_string(), "gzip, br, zstd");
        assert_eq!(read(&["UTF-8"]).as_slice(), [Coding::Other("utf-8".into())]);
        assert_eq!(read(&["a\u{202e}b\u{1b}"]).to_string(), "ab");
    }

    #[test]
    fn knows_a_stored_archive_by_its_name() {
        for (codings, name, stored) in [
            ("gzip", "a.tar.gz", true),
            ("x-gzip", "A.TGZ", true),
            ("gzip", "a.txt", false),
            ("gzip, gzip", "a.tar.gz", false),
            ("br", "a.js.br", true),
            ("br", "a.gz", false),
            ("zstd", "a.tar.zst", true),
        ] {
            assert_eq!(read(&[codings]).are_stored_as(name), stored, "{codings} {name}");
        }
    }
}

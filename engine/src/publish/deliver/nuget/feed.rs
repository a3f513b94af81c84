//! What a feed's entry of a version tells of its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::NsReader;
use quick_xml::events::Event;
use sha2::{Digest as _, Sha256, Sha512};

/// A package that is compared with what the feed has.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// What the feed knows of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// No such version.
    Absent,
    /// It has these bytes.
    Same,
    /// It has others.
    Other,
    /// It has some, and does not tell which.
    Present,
    /// It does not answer.
    Untold,
}

impl Known {
    /// Whether the bytes of what is there are known to be others.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Other => "with other bytes",
            _ => "with bytes that the feed does not tell",
        }
    }
}

/// Reads the Atom entry of a version. Without an entry in it, it is the empty
/// list that some feeds answer with.
pub fn compare(body: &[u8], package: Package<'_>) -> Known {
    let Some(entry) = Entry::read(body) else { return Known::Untold };
    if !entry.is_there {
        // A page of any other kind says nothing of versions.
        return if entry.root == "feed" { Known::Absent } else { Known::Untold };
    }
    let hash = match entry.algorithm.to_ascii_uppercase().as_str() {
        "SHA512" => STANDARD.encode(Sha512::digest(package.bytes)),
        "SHA256" => STANDARD.encode(Sha256::digest(package.bytes)),
        _ => String::new(),
    };
    let is_told = !hash.is_empty() && !entry.hash.is_empty();
    let is_other_size = entry.size.parse::<usize>().is_ok_and(|size| size != package.bytes.len());
    match (is_told, is_told && hash == entry.hash) {
        (_, true) => Known::Same,
        (true, false) => Known::Other,
        (false, _) if is_other_size => Known::Other,
        (false, _) => Known::Present,
    }
}

#[derive(Debug, Default)]
struct Entry {
    root: String,
    is_there: bool,
    hash: String,
    algorithm: String,
    size: String,
}

impl Entry {
    fn open(&mut self, name: &str) {
        if self.root.is_empty() {
            name.clone_into(&mut self.root);
        }
        self.is_there |= name == "entry";
    }

    fn read(body: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let mut reader = NsReader::from_str(text);
        let mut entry = Self::default();
        let mut name = String::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(tag) => {
                    name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                    entry.open(&name);
                }
                Event::Empty(tag) => entry.open(&String::from_utf8_lossy(tag.local_name().as_ref())),
                Event::End(_) => name.clear(),
                Event::Text(value) => {
                    let value = value.xml10_content().ok()?;
                    match name.as_str() {
                        "PackageHash" => entry.hash.push_str(value.trim()),
                        "PackageHashAlgorithm" => entry.algorithm.push_str(value.trim()),
                        "PackageSize" => entry.size.push_str(value.trim()),
                        _ => {}
                    }
                }
                // Entities could expand without end.
                Event::DocType(_) => return None,
                Event::Eof => return Some(entry),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(properties: &str) -> String {
        format!(
            "<entry xmlns=\"http://www.w3.org/2005/Atom\" xmlns:m=\"m\" xmlns:d=\"d\"><id>x</id>\
             <m:properties>{properties}</m:properties></entry>"
        )
    }

    #[test]
    fn a_feed_tells_by_hash_or_by_size() {
        let package = Package { bytes: b"bytes" };
        let same = STANDARD.encode(Sha512::digest(b"bytes"));
        let hash = |hash: &str| {
            entry(&format!(
                "<d:PackageHash>{hash}</d:PackageHash><d:PackageHashAlgorithm>SHA512</d:PackageHashAlgorithm>"
            ))
        };
        for (body, expected) in [
            (hash(&same), Known::Same),
            (hash("b3RoZXI="), Known::Other),
            (hash(""), Known::Present),
            (entry("<d:PackageSize m:type=\"Edm.Int64\">5</d:PackageSize>"), Known::Present),
            (entry("<d:PackageSize m:type=\"Edm.Int64\">6</d:PackageSize>"), Known::Other),
            (entry("<d:PackageSize m:null=\"true\"/>"), Known::Present),
            ("<feed></feed>".into(), Known::Absent),
            ("<feed/>".into(), Known::Absent),
            ("{}".into(), Known::Untold),
            ("<html></html>".into(), Known::Untold),
            ("<entry/>".into(), Known::Present),
            ("<!DOCTYPE x [<!ENTITY a \"b\">]><entry/>".into(), Known::Untold),
            ("<entry><".into(), Known::Untold),
        ] {
            assert_eq!(compare(body.as_bytes(), package), expected, "{body}");
        }
        assert_eq!(compare(b"\xff", package), Known::Untold);
    }
}

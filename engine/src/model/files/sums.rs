//! Checksum lists: `SHA256SUMS` and its kin.

use crate::model::excerpt::excerpt;
use crate::model::{Algorithm, Digest, DigestError, ExitCode, Explain};

/// Largest list that is read; that of a large distribution is a tenth of it.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Most entries that are kept.
const MOST_ENTRIES: usize = 200_000;

/// One line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SumEntry {
    /// The file, as the list names it: often with a folder before it.
    pub name: String,
    /// Its digest.
    pub digest: Digest,
    /// The line, counted from 1.
    pub line: usize,
}

/// A parsed list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sums(Content);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// A digest and no name, as a `.sha256` file beside its file holds it.
    Bare(Digest),
    /// Digests by name.
    Named(Vec<SumEntry>),
}

/// Why a list gives no digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SumsError {
    /// Larger than any list.
    #[error("the checksum file exceeds {MOST_BYTES} bytes or {MOST_ENTRIES} entries")]
    TooLarge,
    /// No line has a known form.
    #[error("no line of the checksum file has the form `HEX  NAME` or `SHA256 (NAME) = HEX`; line {line} is `{text}`")]
    NoSums {
        /// The first line that is not empty, counted from 1.
        line: usize,
        /// Its start.
        text: String,
    },
    /// The list is about other files.
    #[error("the checksum file lists {entries} files, but not `{name}`")]
    Unlisted {
        /// The name looked for.
        name: String,
        /// How many the list has.
        entries: usize,
    },
    /// Two digests of one algorithm for one name.
    #[error("lines {first} and {second} of the checksum file contradict each other on `{name}`")]
    Contradiction {
        /// The name looked for.
        name: String,
        /// The first line of the two.
        first: usize,
        /// The second.
        second: usize,
    },
}

impl Explain for SumsError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Verification
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::TooLarge | Self::NoSums { .. } => "check that the address is that of a checksum list",
            Self::Unlisted { .. } => "name the digest itself with --checksum",
            Self::Contradiction { .. } => "settle which line is right and name its digest with --checksum",
        };
        Some(hint.to_owned())
    }
}

impl Sums {
    /// Reads the forms of GNU coreutils (`HEX  NAME`, `HEX *NAME`, and escaped
    /// names behind `\`), of BSD (`SHA256 (NAME) = HEX`), and a file that holds
    /// one digest alone. The length of an untagged digest tells its algorithm.
    ///
    /// Other lines are passed over: signed lists have armour around them, and
    /// some lists mix in algorithms that the engine does not know.
    pub fn parse(bytes: &[u8]) -> Result<Self, SumsError> {
        if bytes.len() > MOST_BYTES {
            return Err(SumsError::TooLarge);
        }
        let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
        if let Ok(digest) = untagged(text.trim()) {
            return Ok(Self(Content::Bare(digest)));
        }
        let lines = text.lines().zip(1..);
        let entries: Vec<SumEntry> =
            lines.filter_map(|(text, line)| entry(text, line)).take(MOST_ENTRIES + 1).collect();
        match entries.len() {
            0 => Err(no_sums(&text)),
            1..=MOST_ENTRIES => Ok(Self(Content::Named(entries))),
            _ => Err(SumsError::TooLarge),
        }
    }

    /// The entries; none where the file held one digest alone.
    pub fn entries(&self) -> &[SumEntry] {
        match &self.0 {
            Content::Bare(_) => &[],
            Content::Named(entries) => entries,
        }
    }

    /// The digests of a file, strongest first, at most one of an algorithm.
    ///
    /// A list may name the file by the path it had where the list was made:
    /// an entry of exactly this name counts before those that end in it. A
    /// digest that stands alone is that of any file.
    pub fn digests_of(&self, name: &str) -> Result<Vec<Digest>, SumsError> {
        let entries = match &self.0 {
            Content::Bare(digest) => return Ok(vec![digest.clone()]),
            Content::Named(entries) => entries,
        };
        let exact: Vec<&SumEntry> = entries.iter().filter(|entry| without_dot(&entry.name) == name).collect();
        let chosen = if exact.is_empty() {
            entries.iter().filter(|entry| entry.name.rsplit(['/', '\\']).next() == Some(name)).collect()
        } else {
            exact
        };
        if chosen.is_empty() {
            return Err(SumsError::Unlisted { name: excerpt(name), entries: entries.len() });
        }
        unanimous(&chosen, name)
    }
}

fn without_dot(name: &str) -> &str {
    name.strip_prefix("./").unwrap_or(name)
}

/// One digest of an algorithm, provided that all entries say the same.
fn unanimous(entries: &[&SumEntry], name: &str) -> Result<Vec<Digest>, SumsError> {
    let mut chosen: Vec<&SumEntry> = Vec::new();
    for entry in entries {
        match chosen.iter().find(|known| known.digest.algorithm() == entry.digest.algorithm()) {
            Some(known) if known.digest != entry.digest => {
                return Err(SumsError::Contradiction { name: excerpt(name), first: known.line, second: entry.line });
            }
            Some(_) => {}
            None => chosen.push(entry),
        }
    }
    chosen.sort_by_key(|entry| std::cmp::Reverse(entry.digest.algorithm()));
    Ok(chosen.into_iter().map(|entry| entry.digest.clone()).collect())
}

fn no_sums(text: &str) -> SumsError {
    let first = text.lines().zip(1..).find(|(line, _)| !line.trim().is_empty());
    let (text, line) = first.unwrap_or(("", 1));
    SumsError::NoSums { line, text: excerpt(text) }
}

fn entry(text: &str, line: usize) -> Option<SumEntry> {
    let text = text.trim_end_matches('\r');
    let (escaped, text) = text.strip_prefix('\\').map_or((false, text), |text| (true, text));
    let (digest, name) = tagged(text).or_else(|| reversed(text))?;
    let name = if escaped { unescaped(name) } else { name.to_owned() };
    (!name.is_empty()).then_some(SumEntry { name, digest, line })
}

/// `SHA256 (NAME) = HEX`. The name may hold any of these characters itself.
fn tagged(text: &str) -> Option<(Digest, &str)> {
    let (algorithm, rest) = text.split_once(" (")?;
    let (name, hex) = rest.rsplit_once(") = ")?;
    let algorithm: Algorithm = algorithm.parse().ok()?;
    Some((Digest::from_hex(algorithm, hex.trim_end()).ok()?, name))
}

/// `HEX  NAME` or `HEX *NAME`; the second character is the mode that the file
/// was read in. Some tools write one blank only, some a tab.
fn reversed(text: &str) -> Option<(Digest, &str)> {
    let (hex, rest) = text.split_once([' ', '\t'])?;
    let name = rest.trim_start();
    Some((untagged(hex).ok()?, name.strip_prefix('*').unwrap_or(name)))
}

fn untagged(hex: &str) -> Result<Digest, DigestError> {
    let algorithm = match hex.len() {
        32 => Algorithm::Md5,
        40 => Algorithm::Sha1,
        128 => Algorithm::Sha512,
        _ => Algorithm::Sha256,
    };
    Digest::from_hex(algorithm, hex)
}

/// Coreutils escapes a backslash and the two line ends.
fn unescaped(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut chars = name.chars();
    while let Some(c) = chars.next() {
        match (c, chars.as_str().chars().next()) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('r')) => plain.push('\r'),
            ('\\', Some('\\')) => plain.push('\\'),
            _ => {
                plain.push(c);
                continue;
            }
        }
        chars.next();
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const B: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn read(text: &str) -> Sums {
        Sums::parse(text.as_bytes()).unwrap()
    }

    fn hex_of(text: &str, name: &str) -> String {
        read(text).digests_of(name).unwrap()[0].hex()
    }

    #[test]
    fn reads_coreutils_lists() {
        let list = format!("# made by hand\r\n{A}  a.zip\r\n{B} *b c.zip\n{}\td.zip\n", B.to_uppercase());
        assert_eq!(hex_of(&list, "a.zip"), A);
        assert_eq!(hex_of(&list, "b c.zip"), B);
        assert_eq!(hex_of(&list, "d.zip"), B);
        assert_eq!(read(&list).entries()[1].line, 3);
    }

    #[test]
    fn reads_escaped_names() {
        let list = format!("\\{A}  a\\\\b\\nc\\x\n\\SHA256 (d\\re) = {B}\n{B}  plain\\n\n");
        assert_eq!(hex_of(&list, "a\\b\nc\\x"), A);
        assert_eq!(hex_of(&list, "d\re"), B);
        assert_eq!(hex_of(&list, "plain\\n"), B);
    }

    #[test]
    fn reads_bsd_lists() {
        let list = format!("MD5 (a (1).zip) = {MD5}\nSHA256 (a (1).zip) = {A}\nBLAKE2b (a (1).zip) = {A}{A}\n");
        let digests = read(&list).digests_of("a (1).zip").unwrap();
        assert_eq!(digests.iter().map(|digest| digest.algorithm().name()).collect::<Vec<_>>(), ["sha-256", "md5"]);
    }

    #[test]
    fn a_lone_digest_is_that_of_any_file() {
        let sums = Sums::parse(format!("\u{feff}\n {A}\r\n\n").as_bytes()).unwrap();
        assert_eq!(sums.digests_of("whatever").unwrap()[0].hex(), A);
        assert!(sums.entries().is_empty());
    }

    #[test]
    fn reads_a_signed_list() {
        let list = format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n{A}  a.zip\n-----BEGIN PGP SIGNATURE-----\n\nAbc=\n"
        );
        assert_eq!(read(&list).entries().len(), 1);
        assert_eq!(hex_of(&list, "a.zip"), A);
    }

    #[test]
    fn finds_a_name_behind_a_folder() {
        let list = format!("{A}  ./a.zip\n{B}  old/a.zip\n{B}  dist\\b.zip\n");
        assert_eq!(hex_of(&list, "a.zip"), A, "the exact name counts first");
        assert_eq!(hex_of(&list, "b.zip"), B);
        let missing = SumsError::Unlisted { name: "zip".into(), entries: 3 };
        assert_eq!(read(&list).digests_of("zip"), Err(missing));
    }

    #[test]
    fn a_contradiction_is_no_truth() {
        let list = format!("{A}  x/a.zip\n{A}  z/a.zip\n{B}  y/a.zip\n");
        let error = read(&list).digests_of("a.zip").unwrap_err();
        assert_eq!(error, SumsError::Contradiction { name: "a.zip".into(), first: 1, second: 3 });
    }

    #[test]
    fn says_what_it_found_instead() {
        let error = Sums::parse(b"\n<!DOCTYPE html>\n<html>").unwrap_err();
        assert_eq!(error, SumsError::NoSums { line: 2, text: "<!DOCTYPE html>".into() });
        assert_eq!(Sums::parse(b""), Err(SumsError::NoSums { line: 1, text: String::new() }));
        assert_eq!(Sums::parse(&vec![b'a'; MOST_BYTES + 1]), Err(SumsError::TooLarge));
        assert!(Sums::parse(format!("{}  short\n{A}  \n", &A[1..]).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn every_name_that_coreutils_writes_is_found(name in "[a-z0-9 .()=\\\\\n\r*é]{0,12}[a-z]", digest in "[0-9a-f]{64}") {
            prop_assume!(!name.starts_with([' ', '*', '\n', '\r']));
            let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
            let mark = if escaped == name { "" } else { "\\" };
            for list in [format!("{mark}{digest}  {escaped}\n"), format!("{mark}SHA256 ({escaped}) = {digest}\n")] {
                let sums = Sums::parse(list.as_bytes()).unwrap();
                prop_assert_eq!(&sums.entries()[0].name, &name);
                prop_assert_eq!(sums.digests_of(&name).unwrap()[0].hex(), digest.as_str());
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sums::parse(&bytes);
        }
    }
}

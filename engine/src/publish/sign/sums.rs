//! `SHA256SUMS`, in the format of coreutils.

use crate::model::Digest;

/// The list of some files, sorted by name, as `sha256sum` writes it and
/// `sha256sum --check` reads it.
pub fn sums(files: &[(String, Digest)]) -> String {
    let mut sorted: Vec<&(String, Digest)> = files.iter().collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    sorted.iter().map(|(name, digest)| line(name, digest)).collect()
}

/// A name with a line break or a backslash is escaped, which a backslash before
/// the digest tells.
fn line(name: &str, digest: &Digest) -> String {
    let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let mark = if escaped == name { "" } else { "\\" };
    format!("{mark}{}  {escaped}\n", digest.hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::files::Sums;

    #[test]
    fn what_is_written_is_read_again() {
        let digest = |digit: &str| format!("sha-256:{}", digit.repeat(64)).parse::<Digest>().unwrap();
        let files = [("b c", "2"), ("a", "1"), ("x\\y\nz", "3")].map(|(name, digit)| (name.to_owned(), digest(digit)));
        let text = sums(&files);
        assert!(text.starts_with(&format!("{}  a\n{}  b c\n\\", "1".repeat(64), "2".repeat(64))), "{text}");
        let read = Sums::parse(text.as_bytes()).unwrap();
        for (name, digest) in files {
            assert_eq!(read.digests_of(&name).unwrap(), [digest]);
        }
    }
}

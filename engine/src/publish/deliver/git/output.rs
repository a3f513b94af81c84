//! What the program git prints about a repository that others write to: names
//! of files, and the words of a server.

/// What a commit has at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// `100644`, `040000` and so on.
    pub mode: String,
    /// Its name by content.
    pub object: String,
    /// Where it is.
    pub path: String,
}

/// Reads what `git ls-tree -z` prints: MODE TYPE OBJECT TAB PATH.
pub fn listed(stdout: &[u8]) -> Vec<Found> {
    let text = String::from_utf8_lossy(stdout);
    let entries = text.split('\0').filter_map(|entry| {
        let (about, path) = entry.split_once('\t')?;
        let mut about = about.split(' ');
        let (mode, object) = (about.next()?.to_owned(), about.nth(1)?.to_owned());
        Some(Found { mode, object, path: path.to_owned() })
    });
    entries.collect()
}

/// Reads what `git push --porcelain` prints of one reference: its flag and the
/// summary (FLAG TAB FROM:TO TAB SUMMARY; git-push(1), "Output").
pub fn pushed(stdout: &[u8], reference: &str) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(stdout);
    text.lines().find_map(|line| {
        let mut fields = line.split('\t');
        let (flag, names, summary) = (fields.next()?, fields.next()?, fields.next()?);
        names.ends_with(&format!(":{reference}")).then(|| (flag.to_owned(), summary.to_owned()))
    })
}

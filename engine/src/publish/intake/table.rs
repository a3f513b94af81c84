//! What one source says of a release, with everything optional, and how the
//! words of several sources become one release.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use crate::model::release::Texts;

/// `[release]` of `turbo-release.toml`, and what any other source says, in the
/// same shape.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct ReleaseTable {
    /// Package name.
    pub name: Option<String>,
    /// Version without a leading `v`.
    pub version: Option<String>,
    /// The git tag; `v` and the version without one.
    pub tag: Option<String>,
    /// Day of the release, `YYYY-MM-DD`; today without one.
    pub date: Option<String>,
    /// Whether it is a pre-release; what the version says without it.
    pub prerelease: Option<bool>,
    /// Who publishes; the first author without one.
    pub publisher: Option<String>,
    /// Who wrote it.
    pub authors: Vec<String>,
    /// Home page.
    pub homepage: Option<String>,
    /// Source repository.
    pub source: Option<String>,
    /// Documentation.
    pub docs: Option<String>,
    /// Where bugs are reported.
    pub bugs: Option<String>,
    /// Page of the release notes.
    pub notes: Option<String>,
    /// Icon.
    pub icon: Option<String>,
    /// SPDX expression.
    pub license: Option<String>,
    /// Where the licence can be read.
    pub license_url: Option<String>,
    /// File with the licence's text.
    pub license_file: Option<PathBuf>,
    /// Copyright line.
    pub copyright: Option<String>,
    /// Locale of the texts below; `en-US` without one.
    pub locale: Option<String>,
    /// Name of the package as people write it.
    pub display_name: Option<String>,
    /// One sentence.
    pub summary: Option<String>,
    /// Paragraphs in Markdown.
    pub description: Option<String>,
    /// What changed, in Markdown.
    pub release_notes: Option<String>,
    /// File with what changed.
    pub release_notes_file: Option<PathBuf>,
    /// Search words.
    pub tags: Vec<String>,
    /// Texts in other languages.
    pub texts: Vec<Texts>,
    /// Packages it needs, by manager.
    pub dependencies: BTreeMap<String, Vec<String>>,
    /// Where artifacts are that name no URL: `{name}`, `{version}`, `{tag}` and
    /// `{file}` are filled in.
    pub download_url: Option<String>,
    /// Folder with Cargo.toml or package.json.
    pub project: Option<PathBuf>,
    /// Patterns of the files to take, where a source lists them; all without one.
    pub include: Vec<String>,
    /// Patterns of the files to leave out.
    pub exclude: Vec<String>,
    /// What no other field says.
    pub extra: BTreeMap<String, String>,
}

impl ReleaseTable {
    /// This table, and from another what this one does not say.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        fn list<T>(own: Vec<T>, other: Vec<T>) -> Vec<T> {
            if own.is_empty() { other } else { own }
        }
        fn map<T>(mut own: BTreeMap<String, T>, other: BTreeMap<String, T>) -> BTreeMap<String, T> {
            for (key, value) in other {
                own.entry(key).or_insert(value);
            }
            own
        }
        Self {
            name: self.name.or(other.name),
            version: self.version.or(other.version),
            tag: self.tag.or(other.tag),
            date: self.date.or(other.date),
            prerelease: self.prerelease.or(other.prerelease),
            publisher: self.publisher.or(other.publisher),
            authors: list(self.authors, other.authors),
            homepage: self.homepage.or(other.homepage),
            source: self.source.or(other.source),
            docs: self.docs.or(other.docs),
            bugs: self.bugs.or(other.bugs),
            notes: self.notes.or(other.notes),
            icon: self.icon.or(other.icon),
            license: self.license.or(other.license),
            license_url: self.license_url.or(other.license_url),
            license_file: self.license_file.or(other.license_file),
            copyright: self.copyright.or(other.copyright),
            locale: self.locale.or(other.locale),
            display_name: self.display_name.or(other.display_name),
            summary: self.summary.or(other.summary),
            description: self.description.or(other.description),
            release_notes: self.release_notes.or(other.release_notes),
            release_notes_file: self.release_notes_file.or(other.release_notes_file),
            tags: list(self.tags, other.tags),
            texts: list(self.texts, other.texts),
            dependencies: map(self.dependencies, other.dependencies),
            download_url: self.download_url.or(other.download_url),
            project: self.project.or(other.project),
            include: list(self.include, other.include),
            exclude: list(self.exclude, other.exclude),
            extra: map(self.extra, other.extra),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_counts() {
        let some = |text: &str| Some(text.to_owned());
        let own = ReleaseTable { name: some("own"), tags: vec!["a".into()], ..ReleaseTable::default() };
        let other = ReleaseTable {
            name: some("other"),
            version: some("1"),
            tags: vec!["b".into()],
            authors: vec!["me".into()],
            ..ReleaseTable::default()
        };
        let both = own.or(other);
        assert_eq!((both.name.as_deref(), both.version.as_deref()), (Some("own"), Some("1")));
        assert_eq!((both.tags, both.authors), (vec!["a".to_owned()], vec!["me".to_owned()]));
    }
}

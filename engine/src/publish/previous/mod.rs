//! The version of a package that the destination has already, found for the
//! generators that go on from one.
//!
//! A generator sees no folder, and wants files by their names: which version is
//! the previous one, and which languages it has, is found here and told as
//! settings, where the user has not set them.
//! The key invariant: what is told are names of folders and files that are
//! there, and fit into a path; they change no destination.

pub mod version;

use std::cmp::Reverse;

use super::deliver::Entry;
use super::destination::{Destination, DestinationError};
use super::generate::Question;
use super::package_manager::Manager;
use crate::model::release::Pairs;
use version::Version;

/// The settings that are told.
const VERSION: &str = "previous-version";
const LOCALES: &str = "previous-locales";
/// The switch by which the user has no previous version.
const CARRY_FORWARD: &str = "carry-forward";
/// Most folders that are looked into for a version.
const MOST_LOOKS: usize = 5;
/// Most languages of a version: what a generator may want to read is bounded.
const MOST_LOCALES: usize = 48;

/// The settings with the previous version among them; none where nothing is to
/// be added. Blocks.
pub fn told(
    asked: Question<'_>,
    wants: &[String],
    destination: &Destination<'_>,
) -> Result<Option<Pairs>, DestinationError> {
    if asked.bounds.manager.parse() != Ok(Manager::Winget) || is_decided(asked.settings) {
        return Ok(None);
    }
    let Some(place) = wants.first().and_then(|path| Place::of(path)) else { return Ok(None) };
    let folders = destination.list(place.package)?.into_iter().filter(|entry| entry.is_folder);
    let names = folders.map(|entry| entry.name).filter(|name| is_name(name)).collect();
    for version in candidates(place.version, names).into_iter().take(MOST_LOOKS) {
        let entries = destination.list(&format!("{}/{version}", place.package))?;
        if let Some(locales) = place.locales(&entries) {
            return Ok(Some(with(asked.settings, version, locales)));
        }
    }
    Ok(None)
}

/// Whether the user has said which version it is, or that there is none.
fn is_decided(settings: &Pairs) -> bool {
    settings.iter().any(|(key, value)| key == VERSION || (key == CARRY_FORWARD && value.trim() == "false"))
}

/// What can be a part of a path, and a version of winget.
fn is_name(name: &str) -> bool {
    let is_letter = |letter: char| !letter.is_control() && !r#"\/:*?"<>|"#.contains(letter);
    !name.is_empty() && name.len() <= 128 && !name.ends_with(['.', ' ']) && name.chars().all(is_letter)
}

fn with(settings: &Pairs, version: String, locales: Vec<String>) -> Pairs {
    let mut settings = settings.clone();
    settings.push((VERSION.to_owned(), version));
    let is_locales = |key: &str| key.strip_prefix(LOCALES).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if !settings.iter().any(|(key, _)| is_locales(key)) {
        settings.extend(locales.into_iter().zip(0..).map(|(tag, index): (_, u32)| (format!("{LOCALES}.{index}"), tag)));
    }
    settings
}

/// Where a version's files lie: `PACKAGE/VERSION/ID.yaml`.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    package: &'a str,
    version: &'a str,
    id: &'a str,
}

impl<'a> Place<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let (folder, file) = path.rsplit_once('/')?;
        let (package, version) = folder.rsplit_once('/')?;
        Some(Self { package, version, id: file.strip_suffix(".yaml")? })
    }

    /// The languages of what lies in a folder; none when that is no version of
    /// this package. The folder of `Example.Tool` has those of
    /// `Example.Tool.Beta` in it as well.
    fn locales(&self, entries: &[Entry]) -> Option<Vec<String>> {
        let rests = entries.iter().filter(|entry| !entry.is_folder);
        let rests: Vec<&str> =
            rests.filter_map(|entry| entry.name.strip_prefix(self.id)?.strip_suffix(".yaml")).collect();
        if !rests.iter().any(|rest| matches!(*rest, "" | ".installer")) {
            return None;
        }
        let tags = rests.iter().filter_map(|rest| rest.strip_prefix(".locale.")).filter(|tag| is_tag(tag));
        Some(tags.take(MOST_LOCALES).map(str::to_owned).collect())
    }
}

/// What winget's schema takes for a language, as far as its letters go.
fn is_tag(tag: &str) -> bool {
    (1..=20).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The folders that may be the previous version's, the likeliest first: the
/// version itself, whose files are brought up to date; then what is below it,
/// from the greatest down; then what is above it, from the least up. Names
/// without a number are most likely other packages, and come last.
fn candidates(version: &str, names: Vec<String>) -> Vec<String> {
    let own = Version::parse(version);
    let mut below = Vec::new();
    let mut above = Vec::new();
    for name in names {
        let found = Version::parse(&name);
        let is_doubtful = name != version && !found.has_number();
        let is_other = name != version;
        if found <= own {
            below.push((is_doubtful, is_other, Reverse(found), name));
        } else {
            above.push((is_doubtful, is_other, found, name));
        }
    }
    below.sort();
    above.sort();
    let below = below.into_iter().map(|(is_doubtful, _, _, name)| (is_doubtful, name));
    let above = above.into_iter().map(|(is_doubtful, _, _, name)| (is_doubtful, name));
    let mut all: Vec<(bool, String)> = below.chain(above).collect();
    all.sort_by_key(|(is_doubtful, _)| *is_doubtful);
    all.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn first(version: &str, names: &[&str]) -> Option<String> {
        candidates(version, names.iter().map(|name| (*name).to_owned()).collect()).into_iter().next()
    }

    #[test]
    fn the_previous_version_is_the_one_before() {
        for (version, names, expected) in [
            ("1.10", &["1.2", "1.9", "1.11", "2.0"][..], Some("1.9")),
            ("1.10", &["1.2", "1.10", "1.11"], Some("1.10")),
            ("1.0", &["2.0", "1.5", "3"], Some("1.5")),
            ("1.0.0", &["0.9", "1.0", "1.1"], Some("1.0")),
            ("1.0", &["1.0.0", "1.0", "1"], Some("1.0")),
            ("2.0", &["2.0-beta", "1.9"], Some("2.0-beta")),
            ("2.0-beta", &["2.0", "2.0-alpha", "1.9"], Some("2.0-alpha")),
            ("1.0", &["Beta", "2.0"], Some("2.0")),
            ("1.0", &["Beta"], Some("Beta")),
            ("Beta", &["1.0", "Beta"], Some("Beta")),
            ("1.0", &[], None),
        ] {
            assert_eq!(first(version, names).as_deref(), expected, "{version} of {names:?}");
        }
    }

    #[test]
    fn a_version_is_known_by_its_files() {
        let place = Place::of("manifests/e/Example/Tool/1.2.3/Example.Tool.yaml").expect("a place");
        let expected = Place { package: "manifests/e/Example/Tool", version: "1.2.3", id: "Example.Tool" };
        assert_eq!(place, expected);
        let locales = |names: &[&str]| {
            let entries = names.iter().map(|name| Entry { name: (*name).to_owned(), is_folder: false });
            place.locales(&entries.collect::<Vec<_>>())
        };
        let found =
            locales(&["Example.Tool.installer.yaml", "Example.Tool.locale.de-DE.yaml", "Example.Tool.locale..yaml"]);
        assert_eq!(found, Some(vec!["de-DE".to_owned()]));
        assert_eq!(locales(&["Example.Tool.yaml", "README.md"]), Some(Vec::new()));
        assert_eq!(locales(&["Example.Tool.Beta.yaml", "Example.Tool.locale.de-DE.yaml"]), None);
        let folder = Entry { name: "Example.Tool.yaml".into(), is_folder: true };
        assert_eq!(place.locales(&[folder]), None);
        for path in ["bucket/tool.json", "Example.Tool.yaml", "1.2.3/Example.Tool.yaml"] {
            assert_eq!(Place::of(path), None, "{path}");
        }
    }

    #[test]
    fn what_the_user_says_counts() {
        let pairs = |given: &[(&str, &str)]| -> Pairs {
            given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        assert!(is_decided(&pairs(&[(VERSION, "1")])) && is_decided(&pairs(&[(CARRY_FORWARD, "false")])));
        assert!(!is_decided(&pairs(&[(CARRY_FORWARD, "true"), ("identifier", "A.B")])));
        let told = |given: &[(&str, &str)]| with(&pairs(given), "1.0".into(), vec!["de".into(), "fr".into()]);
        assert_eq!(told(&[]), pairs(&[(VERSION, "1.0"), ("previous-locales.0", "de"), ("previous-locales.1", "fr")]));
        let own = [("previous-locales.0", "it")];
        assert_eq!(told(&own), pairs(&[own[0], (VERSION, "1.0")]));
    }

    #[test]
    fn names_stay_in_their_folder() {
        assert!(["1.0", "v1 beta", "2024年"].iter().all(|name| is_name(name)));
        assert!(!["", "..", ".", "a/b", "a\\b", "C:", "a\n", "1."].iter().any(|name| is_name(name)));
    }

    proptest! {
        #[test]
        fn every_folder_is_a_candidate_once(names in proptest::collection::btree_set("[0-9a-c.-]{1,6}", 0..12), own in "[0-9.]{1,4}") {
            let given: Vec<String> = names.iter().cloned().collect();
            let mut found = candidates(&own, given.clone());
            if names.contains(&own) {
                prop_assert_eq!(&found[0], &own);
            }
            let mut turned = given.clone();
            turned.reverse();
            prop_assert_eq!(&candidates(&own, turned), &found);
            found.sort();
            prop_assert_eq!(found, given);
        }
    }
}

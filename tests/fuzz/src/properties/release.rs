//! Descriptions of a release by many tools, and the versions of packages.

use std::collections::BTreeSet;
use std::path::Path;

use turbo_engine::publish::intake::{Description, Intake};
use turbo_engine::publish::previous::version::Version;
use url::Url;

/// Reads the data as a description of the tool that its first byte chooses; a
/// zero ends the first of two texts. What becomes a release is complete and
/// bounded, and every name in it is fit for a file.
pub fn release(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let Ok(text) = str::from_utf8(text) else { return };
    let (first, second) = text.split_once('\0').unwrap_or((text, ""));
    let description = match choice % 6 {
        0 => Description::Own(text),
        1 => Description::Dist(text),
        2 => Description::Goreleaser(first, second),
        3 => Description::Github(first, second),
        4 => Description::Cargo(first, second),
        _ => Description::Package(first, second),
    };
    let read = || description.intake(Path::new("no-such-folder"), "2026-01-02");
    let taken = read();
    assert_eq!(format!("{taken:?}"), format!("{:?}", read()), "the same text is something else");
    match taken {
        Ok(intake) => check(&intake),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fn check(intake: &Intake) {
    let Intake { release, artifacts, channels, .. } = intake;
    for name in [&release.name, &release.version, &release.tag] {
        assert!(!name.is_empty() && name.len() <= 128 && !name.contains(char::is_control), "{name:?}");
        assert!(!name.contains("..") && !name.starts_with(['-', '/']), "{name:?}");
    }
    assert!(!release.name.contains('/') && !release.version.contains('/'), "{release:?}");
    assert!(release.date.len() == 10 && release.date.is_ascii(), "{:?}", release.date);
    for url in release.links.iter().map(|(_, url)| url) {
        public(&url.parse().unwrap_or_else(|error| panic!("{error}: {url}")));
    }
    assert!(!release.texts.is_empty() && release.texts.len() <= 200 && release.authors.len() <= 200);
    assert!((1..=200).contains(&artifacts.len()), "{} artifacts", artifacts.len());
    let mut seen = BTreeSet::new();
    for artifact in artifacts {
        let name = artifact.file_name.as_deref().expect("a name");
        assert!(!name.is_empty() && name.len() <= 240 && !name.contains(['/']), "{name:?}");
        assert!(!name.contains("..") && !name.contains(char::is_control) && !name.starts_with('-'), "{name:?}");
        public(artifact.url.as_ref().expect("a URL"));
        assert!(seen.insert(artifact.id.as_deref().expect("an identifier")), "{:?} twice", artifact.id);
        assert!(artifact.digests.iter().all(|digest| digest.algorithm().is_collision_resistant()), "{artifact:?}");
    }
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(channels.keys().all(|name| (1..=64).contains(&name.len()) && name.bytes().all(is_letter)), "{channels:?}");
}

fn public(url: &Url) {
    assert!(matches!(url.scheme(), "http" | "https") && url.host_str().is_some(), "{url}");
    assert!(url.username().is_empty() && url.password().is_none() && url.as_str().len() <= 2048, "{url}");
}

/// Reads three lines as versions: their order is one, whatever they are.
pub fn versions(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let versions: Vec<Version> = text.lines().take(3).map(Version::parse).collect();
    for one in &versions {
        assert_eq!(one.cmp(one), std::cmp::Ordering::Equal, "{one:?}");
        for other in &versions {
            assert_eq!(one.cmp(other), other.cmp(one).reverse(), "{one:?} {other:?}");
            for third in &versions {
                assert!(one > other || other > third || one <= third, "{one:?} {other:?} {third:?}");
            }
        }
    }
    if let (Some(version), Some(line)) = (versions.first(), text.lines().next()) {
        assert!(!version.has_number() || line.bytes().any(|byte| byte.is_ascii_digit()), "{version:?}");
    }
}

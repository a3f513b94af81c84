//! Artifacts of a release. Whatever the bytes are, the answer comes soon, is
//! bounded, and is the same every time.

use std::io::Cursor;
use std::path::Path;
use std::time::{Duration, Instant};

use turbo_engine::publish::artifact::content::{ContentError, Found, find, is_inside};

/// What any answer may take, which is far more than the slowest takes that is
/// within the bounds: 64 MiB unpacked without optimisation.
const SOON: Duration = Duration::from_secs(20);
/// More entries than this are refused.
const MOST_ENTRIES: usize = 20_000;
/// Longest text that an installer tells.
const TEXT_BYTES: usize = 512;

/// What is found in a file is bounded, and what is listed stays where it is unpacked.
pub fn artifacts(data: &[u8]) {
    let started = Instant::now();
    let found = look(data);
    assert!(started.elapsed() < SOON, "it took {:?}", started.elapsed());
    assert_eq!(comparable(&found), comparable(&look(data)), "the same bytes are something else");
    match found {
        Ok(found) => check_found(&found),
        Err(ContentError::Escapes { entry, .. }) => assert!(entry.chars().count() <= 200 && is_tame(&entry)),
        Err(ContentError::Damaged { .. } | ContentError::TooMuch { .. }) => {}
    }
}

fn look(data: &[u8]) -> Result<Found, ContentError> {
    find(Box::new(Cursor::new(data.to_vec())), Path::new("artifact"), "artifact.jar")
}

/// An answer without the words that differ each time: of several tables that
/// are broken, the crate for Windows Installer names one at random.
fn comparable(found: &Result<Found, ContentError>) -> Result<Found, ContentError> {
    let mut found = found.clone();
    if let Err(ContentError::Damaged { format: "msi", why, .. }) = &mut found {
        why.clear();
    }
    found
}

fn check_found(found: &Found) {
    assert!(!found.format.is_empty());
    assert!(found.entries.len() <= MOST_ENTRIES, "{} entries", found.entries.len());
    for entry in &found.entries {
        assert!(is_inside(&entry.path), "{:?} is listed", entry.path);
        assert!(!entry.path.split('/').any(|part| matches!(part, "" | "." | "..")), "{:?} is listed", entry.path);
        assert!(!entry.path.contains('\\') && is_tame(&entry.path), "{:?} is listed", entry.path);
    }
    let Some(facts) = &found.facts else { return };
    assert!(found.entries.is_empty() && found.installer_type.is_some());
    let texts = [&facts.product_code, &facts.upgrade_code, &facts.display_name];
    let texts = texts.into_iter().flatten().chain(facts.extra.iter().map(|(_, value)| value));
    for text in texts {
        assert!(text.len() <= TEXT_BYTES && is_tame(text), "{text:?} is told");
    }
    let family = facts.package_family_name.as_deref().unwrap_or_default();
    assert!(family.len() <= TEXT_BYTES + 14 && is_tame(family), "{family:?} is told");
}

fn is_tame(text: &str) -> bool {
    !text.contains(char::is_control)
}

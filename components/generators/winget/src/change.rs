//! The commit and its pull request, by the conventions of winget-pkgs.

use generator_common::{outcome, text, uuid};
use turbo_component::manifest::{GitChange, GitRoute, Outcome, OutputFile, PriorFile};

use crate::carry::Previous;
use crate::package::Package;

/// The change that adds a version.
pub fn of(package: &Package<'_>, previous: &Previous, prior: &[PriorFile], writes: Vec<OutputFile>) -> GitChange {
    let (id, version) = (&package.id, &package.version);
    let own = package.file(version, "");
    let is_there = prior.iter().any(|file| file.path == own && file.content.is_some());
    let verb = match (is_there, &previous.version) {
        (true, _) => "Update version",
        (false, Some(_)) => "New version",
        (false, None) => "New package",
    };
    GitChange {
        repository: package.settings.text("repository").unwrap_or("microsoft/winget-pkgs").to_owned(),
        base: package.settings.text("base").unwrap_or("master").to_owned(),
        branch: Some(branch(package)),
        title: format!("{verb}: {id} version {version}"),
        body: body(package, &writes),
        writes,
        deletes: Vec::new(),
        route: GitRoute::PullRequest,
    }
}

/// `ID-VERSION-UUID`. The same files have the same branch, so a second run
/// finds what the first one began.
fn branch(package: &Package<'_>) -> String {
    let digests = package.artifacts.iter().flat_map(|artifact| &artifact.digests).map(|digest| digest.value.as_slice());
    let uuid = uuid::of([package.id.as_bytes(), package.version.as_bytes()].into_iter().chain(digests));
    let name = format!("{}-{}", package.id, package.version);
    let mut branch = String::new();
    for letter in name.chars() {
        // Some servers take no longer name; the UUID tells the rest.
        if branch.len() > 140 {
            break;
        }
        // What git takes in no name of a reference.
        let is_refused =
            letter.is_whitespace() || "~^:?*[\\@{}".contains(letter) || (letter == '.' && branch.ends_with('.'));
        branch.push(if is_refused { '-' } else { letter });
    }
    format!("{branch}-{uuid}")
}

/// Tells which files the manifests name; what is left out is not told.
fn body(package: &Package<'_>, writes: &[OutputFile]) -> String {
    let texts: Vec<_> = writes.iter().map(|file| String::from_utf8_lossy(&file.content)).collect();
    let mut body = format!("{} {}\n", package.id, package.version);
    let is_told = |url: &str| texts.iter().any(|text| text.contains(url));
    for artifact in package.artifacts.iter().filter(|artifact| is_told(&artifact.url)) {
        let digest = artifact.sha256().unwrap_or_default();
        text::push(&mut body, format_args!("\n- {} ({})\n  SHA-256 {digest}", artifact.url, artifact.arch));
    }
    body.push('\n');
    if let Some(notes) = package.release.link("notes") {
        text::push(&mut body, format_args!("\nRelease notes: {}\n", text::line(notes)));
    }
    body
}

/// What the labels of an open pull request ask for.
pub fn judge(labels: &[&str]) -> Option<Outcome> {
    let is_told = |words: &[&str]| labels.iter().any(|label| words.iter().any(|word| label.contains(word)));
    if is_told(&["Needs-CLA"]) {
        return Some(Outcome::NeedsAction(
            "sign the contributor licence agreement: comment as the bot asks".to_owned(),
        ));
    }
    if is_told(&["Needs-Author-Feedback"]) {
        let text = "a moderator waits for an answer; the pull request is closed after 10 days without one";
        return Some(Outcome::NeedsAction(outcome::said(text, labels)));
    }
    if is_told(&["Changes-Requested", "Blocking-Issue", "Manifest-", "URL-Validation-Error", "Policy-Test"]) {
        return Some(Outcome::NeedsAction(outcome::said("the manifests need a change", labels)));
    }
    if is_told(&["Internal-Error", "Validation-Retry"]) {
        return Some(Outcome::Retryable(outcome::said("the validation failed by no fault of the manifests", labels)));
    }
    if is_told(&["Error", "Validation-Defender", "Validation-Executable", "Validation-Unattended", "Binary-Validation"])
    {
        return Some(Outcome::NeedsAction(outcome::said("the validation failed", labels)));
    }
    None
}

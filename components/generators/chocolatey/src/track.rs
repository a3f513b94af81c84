//! What became of a package: its entry in the feed.

use generator_common::{markup, outcome, text};
use turbo_component::manifest::{Delivery, Outcome};

/// Longest entry that is read.
const BYTES: usize = 1 << 20;

/// The entry of the version in the feed that it was pushed to.
pub fn poll(delivery: &Delivery, submission: &str) -> Vec<String> {
    // A submission may be the entry's URL itself, at the host that it was pushed to.
    if submission.starts_with("https://")
        && let Some((api, entry)) = submission.split_once("/Packages(Id=")
    {
        return vec![format!("{}/Packages(Id={entry}", feed(api))];
    }
    let Delivery::Nupkg(package) = delivery else { return Vec::new() };
    let (Some(id), Some(version)) =
        (markup::element(&package.nuspec, "id"), markup::element(&package.nuspec, "version"))
    else {
        return Vec::new();
    };
    let is_sound =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_sound(&id) || !is_sound(&version) {
        return Vec::new();
    }
    vec![format!("{}/Packages(Id='{id}',Version='{version}')", feed(&package.endpoint))]
}

/// Where a feed is read that is pushed to at an endpoint.
fn feed(endpoint: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    let (scheme, rest) = endpoint.split_once("://").unwrap_or(("https", endpoint));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if matches!(host, "push.chocolatey.org" | "chocolatey.org" | "community.chocolatey.org") {
        return "https://community.chocolatey.org/api/v2".to_owned();
    }
    let path = path.trim_end_matches("/package");
    if path.is_empty() { format!("{scheme}://{host}/api/v2") } else { format!("{scheme}://{host}/{path}") }
}

/// Reads the entry: moderation comes in stages, and each has its own field.
pub fn interpret(answers: &[(u16, Vec<u8>)]) -> Outcome {
    let Some((status, body)) = answers.first() else {
        return Outcome::Other("nothing tells what became of it: look at the gallery".to_owned());
    };
    if *status == 404 {
        return Outcome::Retryable("the feed does not list the version yet".to_owned());
    }
    if let Some(outcome) = outcome::of_status(*status, body) {
        return outcome;
    }
    let body = String::from_utf8_lossy(&body[..body.len().min(BYTES)]);
    let Some(_) = markup::element(&body, "Version") else {
        return Outcome::Other("the answer is no entry of a package".to_owned());
    };
    let field = |name: &str| markup::element(&body, name).map(|value| text::line(&value)).unwrap_or_default();
    let is = |name: &str, words: &[&str]| {
        let value = field(name);
        words.iter().any(|word| value.eq_ignore_ascii_case(word))
    };
    let status = field("PackageStatus");
    if status.eq_ignore_ascii_case("Rejected") {
        return Outcome::Failed("the moderators rejected the version".to_owned());
    }
    // A feed without moderation has no such field.
    if status.is_empty() || is("PackageStatus", &["Approved", "Exempted"]) || is("IsApproved", &["true"]) {
        return Outcome::Succeeded;
    }
    let stages = [
        (
            "PackageValidationResultStatus",
            "the validation of its form failed: correct it and push the same version again",
        ),
        ("PackageTestResultStatus", "the test installation failed: correct it and push the same version again"),
        ("PackageScanStatus", "the virus scan found something: explain it to the moderators"),
    ];
    for (name, advice) in stages {
        if is(name, &["Failing", "Failed", "Flagged"]) {
            return Outcome::NeedsAction(advice.to_owned());
        }
    }
    if is("PackageSubmittedStatus", &["Waiting"]) {
        return Outcome::NeedsAction("the moderators wait for the maintainer: answer on the package's page".to_owned());
    }
    Outcome::Pending
}

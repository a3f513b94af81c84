//! What became of a submission, from the answers of GitHub's API.

use turbo_component::manifest::Outcome;

use crate::{Value, json, web};

/// Longest text of an outcome, in characters.
const TEXT: usize = 300;

/// Where GitHub's API tells of a pull request or a commit. A submission is its
/// web page, its API URL, or `OWNER/NAME#NUMBER`.
pub fn api_url(submission: &str) -> Option<String> {
    let submission = submission.trim();
    if let Some((repository, number)) = submission.split_once('#') {
        let (owner, name) = repository.split_once('/')?;
        let is_sound = web::is_name(owner) && web::is_name(name) && is_number(number);
        return is_sound.then(|| format!("https://api.github.com/repos/{owner}/{name}/pulls/{number}"));
    }
    let rest = submission.strip_prefix("https://")?;
    let (host, path) = rest.split_once('/')?;
    if !web::is_link(submission) || path.contains(['?', '%']) {
        return None;
    }
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    let api = match host {
        "github.com" | "www.github.com" => "https://api.github.com/repos".to_owned(),
        "api.github.com" => return (parts.first() == Some(&"repos")).then(|| submission.to_owned()),
        host => format!("https://{host}/api/v3/repos"),
    };
    match parts.as_slice() {
        ["api", "v3", "repos", ..] => Some(submission.to_owned()),
        [owner, name, "pull", number, ..] if is_number(number) => Some(format!("{api}/{owner}/{name}/pulls/{number}")),
        [owner, name, "commit", sha, ..] if is_sha(sha) => Some(format!("{api}/{owner}/{name}/commits/{sha}")),
        _ => None,
    }
}

/// Where GitHub's API tells of a submission: the pull request and the checks of
/// its head, or the commit.
pub fn api_urls(submission: &str) -> Vec<String> {
    let Some(url) = api_url(submission) else { return Vec::new() };
    // GitHub takes a reference in the place of a commit.
    let checks = url.split_once("/pulls/").and_then(|(repository, number)| {
        let is_plain = is_number(number);
        is_plain.then(|| format!("{repository}/commits/pull/{number}/head/check-runs?per_page=100"))
    });
    [Some(url), checks].into_iter().flatten().collect()
}

/// What the answers to [`api_urls`] say. `judge` reads the labels of a pull
/// request that is open; without an answer there was nothing to ask.
pub fn of_answers(answers: &[(u16, Vec<u8>)], judge: impl Fn(&[&str]) -> Option<Outcome>) -> Outcome {
    let Some((status, body)) = answers.first() else {
        return Outcome::Other("nothing tells what became of it: look at the repository".to_owned());
    };
    if let Some(outcome) = of_status(*status, body) {
        return outcome;
    }
    match json::read(body) {
        Ok(answer) => of_answer(&answer, judge, &answers[1..]),
        Err(reason) => Outcome::Retryable(format!("the answer is no JSON: {reason}")),
    }
}

fn of_answer(answer: &Value, judge: impl Fn(&[&str]) -> Option<Outcome>, others: &[(u16, Vec<u8>)]) -> Outcome {
    if answer.get("state").is_none() {
        // A commit that the repository knows is a push that arrived.
        let is_commit = answer.get("sha").and_then(Value::as_text).is_some();
        return if is_commit {
            Outcome::Succeeded
        } else {
            Outcome::Other("the answer tells of neither a pull request nor a commit".to_owned())
        };
    }
    if answer.get("merged") == Some(&Value::Bool(true)) || !is_nothing(answer.get("merged_at")) {
        return Outcome::Succeeded;
    }
    let labels = answer.get("labels").map(Value::items).unwrap_or_default();
    let labels: Vec<&str> = labels.iter().filter_map(|label| label.get("name")?.as_text()).collect();
    if answer.get("state").and_then(Value::as_text) == Some("closed") {
        return Outcome::Failed(said("the pull request was closed and not merged", &labels));
    }
    if let Some(outcome) = judge(&labels) {
        return outcome;
    }
    let failed = failed_checks(others);
    if !failed.is_empty() {
        let text = format!("checks failed: {}", failed.join(", "));
        return Outcome::NeedsAction(crate::text::cut(&text, TEXT).unwrap_or(text));
    }
    if answer.get("mergeable_state").and_then(Value::as_text) == Some("dirty") {
        return Outcome::NeedsAction("the pull request conflicts with its base: rebase it".to_owned());
    }
    Outcome::Pending
}

/// The names of checks that have failed. An answer that tells of none says
/// nothing: not everybody may read them.
fn failed_checks(answers: &[(u16, Vec<u8>)]) -> Vec<String> {
    let told = answers.iter().filter(|(status, _)| (200..300).contains(status));
    let mut failed = Vec::new();
    for answer in told.filter_map(|(_, body)| json::read(body).ok()) {
        let checks = answer.get("check_runs").map(Value::items).unwrap_or_default();
        for check in checks {
            let text = |name: &str| check.get(name).and_then(Value::as_text);
            let is_failed =
                matches!(text("conclusion"), Some("failure" | "timed_out" | "action_required" | "startup_failure"));
            let name = text("name").map(crate::text::line).filter(|name| !name.is_empty());
            failed.extend(name.filter(|name| is_failed && !failed.contains(name)));
        }
    }
    failed
}

/// What a status says by itself; none when the body has to be read.
pub fn of_status(status: u16, body: &[u8]) -> Option<Outcome> {
    let words = message(body);
    let with = |text: &str| if words.is_empty() { text.to_owned() } else { format!("{text}: {words}") };
    match status {
        200..=299 => None,
        401 => Some(Outcome::NeedsAction(with("the credentials were refused (401)"))),
        403 if words.contains("rate limit") => Some(Outcome::Retryable(with("the rate limit is used up (403)"))),
        403 => Some(Outcome::NeedsAction(with("the credentials do not allow it (403)"))),
        404 | 410 => Some(Outcome::NeedsAction(with(&format!(
            "the submission is not there, or not to be seen with these credentials ({status})"
        )))),
        408 | 425 | 429 | 500..=599 => Some(Outcome::Retryable(with(&format!("the server answers {status}")))),
        0 => Some(Outcome::Retryable("the server did not answer".to_owned())),
        other => Some(Outcome::Other(with(&format!("the server answers {other}")))),
    }
}

/// A finding with the labels that explain it.
pub fn said(text: &str, labels: &[&str]) -> String {
    let labels: Vec<String> = labels.iter().map(|label| crate::text::line(label)).collect();
    let text = if labels.is_empty() { text.to_owned() } else { format!("{text}; labels: {}", labels.join(", ")) };
    crate::text::cut(&text, TEXT).unwrap_or(text)
}

fn message(body: &[u8]) -> String {
    let answer = json::read(body).ok();
    let message = answer.as_ref().and_then(|answer| answer.get("message")?.as_text()).unwrap_or_default();
    let message = crate::text::line(message);
    crate::text::cut(&message, TEXT).unwrap_or(message)
}

fn is_nothing(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_empty)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.len() < 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_sha(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(status: u16, body: &str) -> Outcome {
        of_answers(&[(status, body.as_bytes().to_vec())], |labels| {
            labels.contains(&"stuck").then(|| Outcome::NeedsAction(said("stuck", labels)))
        })
    }

    #[test]
    fn submissions_have_an_api_url() {
        let pull = Some("https://api.github.com/repos/a/b/pulls/7".to_owned());
        assert_eq!(api_url("https://github.com/a/b/pull/7"), pull);
        assert_eq!(api_url("https://github.com/a/b/pull/7/files"), pull);
        assert_eq!(api_url("a/b#7"), pull);
        assert_eq!(api_url("https://api.github.com/repos/a/b/pulls/7"), pull);
        assert_eq!(api_url("https://git.example/a/b/pull/7").unwrap(), "https://git.example/api/v3/repos/a/b/pulls/7");
        let commit = "https://api.github.com/repos/a/b/commits/0123456789abcdef0123456789abcdef01234567";
        let page = "https://github.com/a/b/commit/0123456789abcdef0123456789abcdef01234567";
        assert_eq!(api_url(page).unwrap(), commit);
        for bad in
            ["", "7", "http://github.com/a/b/pull/7", "a/b#x", "https://github.com/a/b", "https://api.github.com/x"]
        {
            assert_eq!(api_url(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_pull_request_has_checks_to_ask_for() {
        let api = "https://api.github.com/repos/a/b";
        let checks = format!("{api}/commits/pull/7/head/check-runs?per_page=100");
        assert_eq!(api_urls("https://github.com/a/b/pull/7"), [format!("{api}/pulls/7"), checks]);
        assert_eq!(api_urls("https://github.com/a/b/commit/0123456"), [format!("{api}/commits/0123456")]);
        assert_eq!(api_urls("a/b main 0123456"), Vec::<String>::new());
    }

    #[test]
    fn failed_checks_are_named_while_it_is_open() {
        let ask = |pull: &str, (status, checks): (u16, &str)| {
            let answers = [(200, pull.as_bytes().to_vec()), (status, checks.as_bytes().to_vec())];
            of_answers(&answers, |_| None)
        };
        let open = r#"{"state":"open","merged":false}"#;
        let failed = r#"{"check_runs":[{"name":"Scan","status":"queued","conclusion":null},
            {"name":"Validation","conclusion":"failure"},{"name":"Test\n2","conclusion":"timed_out"},
            {"name":"Validation","conclusion":"failure"},{"name":"Lint","conclusion":"success"}]}"#;
        assert_eq!(ask(open, (200, failed)), Outcome::NeedsAction("checks failed: Validation, Test 2".to_owned()));
        assert_eq!(ask(r#"{"state":"closed","merged":true}"#, (200, failed)), Outcome::Succeeded);
        for ignored in [(403, failed), (0, ""), (200, "<html>"), (200, "[]"), (200, r#"{"check_runs":[7]}"#)] {
            assert_eq!(ask(open, ignored), Outcome::Pending, "{ignored:?}");
        }
    }

    #[test]
    fn pull_requests_are_read() {
        assert_eq!(ask(200, r#"{"state":"closed","merged":true}"#), Outcome::Succeeded);
        assert_eq!(ask(200, r#"{"state":"open","merged":false,"labels":[]}"#), Outcome::Pending);
        assert!(
            matches!(ask(200, r#"{"state":"closed","labels":[{"name":"no"}]}"#), Outcome::Failed(text) if text.contains("no"))
        );
        assert!(matches!(ask(200, r#"{"state":"open","labels":[{"name":"stuck"}]}"#), Outcome::NeedsAction(_)));
        assert!(matches!(ask(200, r#"{"state":"open","mergeable_state":"dirty"}"#), Outcome::NeedsAction(_)));
        assert_eq!(ask(200, r#"{"sha":"0123456","commit":{}}"#), Outcome::Succeeded);
        assert!(matches!(ask(200, "[]"), Outcome::Other(_)));
    }

    #[test]
    fn failures_are_told_apart() {
        assert!(matches!(ask(401, "{}"), Outcome::NeedsAction(_)));
        assert!(matches!(ask(403, r#"{"message":"API rate limit exceeded"}"#), Outcome::Retryable(_)));
        assert!(matches!(ask(403, r#"{"message":"Resource not accessible"}"#), Outcome::NeedsAction(_)));
        assert!(matches!(ask(502, "<html>"), Outcome::Retryable(_)));
        assert!(matches!(ask(200, "<html>"), Outcome::Retryable(_)));
        assert!(matches!(ask(404, ""), Outcome::NeedsAction(_)));
        assert!(matches!(of_answers(&[], |_| None), Outcome::Other(_)));
    }
}

//! What a rule says of itself, checked.

use serde::{Deserialize, Serialize};

use super::bindings::v0_1::rules::{self, Example, RuleInfo};
use super::failure::Failure;
use super::instance::RawReply;
use super::text::printable;
use super::{Examples, FaultKind, Limits};

const SUMMARY_BYTES: usize = 200;
const ID_BYTES: usize = 64;
const VERSION_BYTES: usize = 64;

/// What a rule says of itself. Kept in the vault once the self-test passed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    /// Stable name.
    pub id: String,
    /// Version of the rule.
    pub version: String,
    /// One sentence.
    pub summary: String,
    /// The URLs it has an answer for; empty means every URL.
    pub patterns: Vec<Pattern>,
    /// Its examples, and where they lead.
    pub examples: Examples,
}

/// A set of URLs, as a rule describes the ones it has an answer for. An empty
/// list matches anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pattern {
    /// Schemes, without the colon.
    pub schemes: Vec<String>,
    /// Host suffixes, by whole labels.
    pub host_suffixes: Vec<String>,
    /// Path prefixes.
    pub path_prefixes: Vec<String>,
}

impl Description {
    /// Checks what a rule says of itself.
    pub(super) fn check(info: &RuleInfo, limits: &Limits) -> Result<Self, Failure> {
        check_name(&info.id, &info.version)?;
        if info.examples.len() > limits.examples as usize {
            return Err(wrong("too many examples, the limit is", &limits.examples.to_string()));
        }
        if info.patterns.len() > limits.patterns as usize {
            return Err(wrong("too many patterns, the limit is", &limits.patterns.to_string()));
        }
        Ok(Self {
            id: info.id.clone(),
            version: info.version.clone(),
            summary: printable(&info.summary, SUMMARY_BYTES),
            patterns: info.patterns.iter().map(|pattern| check_pattern(pattern, limits)).collect::<Result<_, _>>()?,
            examples: Examples::of(&info.examples),
        })
    }
}

/// Checks what every component says of itself.
pub(super) fn check_name(id: &str, version: &str) -> Result<(), Failure> {
    if !is_id(id) {
        return Err(wrong("the id is not of the form [a-z0-9-]{1,64}", id));
    }
    if !is_version(version) {
        return Err(wrong("the version is not one by semver 2.0.0", version));
    }
    Ok(())
}

/// Whether a text can name a component.
pub(super) fn is_id(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=ID_BYTES).contains(&id.len()) && id.bytes().all(allowed)
}

fn check_pattern(pattern: &rules::Pattern, limits: &Limits) -> Result<Pattern, Failure> {
    let lists = [&pattern.schemes, &pattern.host_suffixes, &pattern.path_prefixes];
    if lists.iter().any(|list| list.len() > limits.patterns as usize) {
        return Err(wrong("too many values in a pattern, the limit is", &limits.patterns.to_string()));
    }
    if let Some(scheme) = pattern.schemes.iter().find(|scheme| !matches!(scheme.as_str(), "http" | "https")) {
        return Err(wrong("a scheme is neither http nor https", scheme));
    }
    if let Some(suffix) = pattern.host_suffixes.iter().find(|suffix| !is_suffix(suffix)) {
        return Err(wrong("a host suffix is not a host name in lower case", suffix));
    }
    if let Some(prefix) = pattern.path_prefixes.iter().find(|prefix| !prefix.starts_with('/')) {
        return Err(wrong("a path prefix does not begin with /", prefix));
    }
    Ok(Pattern {
        schemes: pattern.schemes.clone(),
        host_suffixes: pattern.host_suffixes.clone(),
        path_prefixes: pattern.path_prefixes.clone(),
    })
}

fn is_suffix(suffix: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b':' | b'[' | b']')
    };
    !suffix.is_empty()
        && suffix.len() <= 253
        && suffix.split('.').all(|label| !label.is_empty() && label.bytes().all(allowed))
}

/// Whether a text is three numbers, and perhaps what semver allows after them.
fn is_version(text: &str) -> bool {
    let tail = |text: &str| {
        text.split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
    };
    let number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    let (rest, build) = text.split_once('+').map_or((text, None), |(rest, build)| (rest, Some(build)));
    let (core, pre) = rest.split_once('-').map_or((rest, None), |(core, pre)| (core, Some(pre)));
    text.len() <= VERSION_BYTES
        && core.split('.').count() == 3
        && core.split('.').all(number)
        && pre.is_none_or(tail)
        && build.is_none_or(tail)
}

fn wrong(what: &str, found: &str) -> Failure {
    Failure::new(FaultKind::Description, format!("{what}: `{}`", printable(found, ID_BYTES)))
}

/// Holds a rule's answer against one of its own examples.
pub(super) fn check_example(example: &Example, reply: &RawReply) -> Result<(), Failure> {
    let found: Vec<&str> = match reply {
        Ok(candidates) => candidates.iter().map(|candidate| candidate.url.as_str()).collect(),
        Err(_) if example.candidates.is_empty() => return Ok(()),
        Err(error) => return Err(failed(example, &format!("it answers {error:?}"))),
    };
    if example.candidates.is_empty() {
        return Err(failed(example, &format!("it answers {found:?} where an error is expected")));
    }
    if found != example.candidates {
        return Err(failed(example, &format!("it answers {found:?}, expected are {:?}", example.candidates)));
    }
    Ok(())
}

fn failed(example: &Example, what: &str) -> Failure {
    Failure::new(FaultKind::SelfTest, format!("asked for {:?} (region {:?}), {what}", example.url, example.region))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info() -> RuleInfo {
        RuleInfo {
            id: "rule-1".into(),
            version: "1.0.0-rc.1+b5".into(),
            summary: "Says\x1b[31m so".into(),
            patterns: vec![rules::Pattern {
                schemes: vec!["https".into()],
                host_suffixes: vec!["a.example".into()],
                path_prefixes: vec!["/x".into()],
            }],
            examples: Vec::new(),
            extra: Vec::new(),
        }
    }

    #[test]
    fn takes_what_is_well_formed() {
        let description = Description::check(&info(), &Limits::default()).unwrap();
        assert_eq!((description.id.as_str(), description.summary.as_str()), ("rule-1", "Says[31m so"));
    }

    #[test]
    fn refuses_what_is_not() {
        let wrong = |change: fn(&mut RuleInfo)| {
            let mut info = info();
            change(&mut info);
            Description::check(&info, &Limits::default()).unwrap_err().message
        };
        assert!(wrong(|info| info.id = "Rule".into()).contains("[a-z0-9-]"));
        assert!(wrong(|info| info.id = String::new()).contains("[a-z0-9-]"));
        for version in ["1", "1.0", "01.0.0", "1.0.0-", "v1.0.0", "1.0.0.0", ""] {
            let mut info = info();
            info.version = version.into();
            assert!(Description::check(&info, &Limits::default()).is_err(), "{version}");
        }
        assert!(wrong(|info| info.patterns[0].schemes.push("ftp".into())).contains("ftp"));
        assert!(wrong(|info| info.patterns[0].host_suffixes.push("A.example".into())).contains("lower case"));
        assert!(wrong(|info| info.patterns[0].host_suffixes.push(".example".into())).contains("host name"));
        assert!(wrong(|info| info.patterns[0].path_prefixes.push("x".into())).contains('/'));
        assert!(wrong(|info| info.patterns = vec![info.patterns[0].clone(); 1000]).contains("256"));
    }
}

//! `WWW-Authenticate` (RFC 9110 section 11.6.1): how a server wants to be asked.

use std::collections::BTreeMap;

/// Most parameters of one challenge.
const MOST_PARAMETERS: usize = 16;
/// Most challenges of one field.
const MOST_CHALLENGES: usize = 8;

/// One way to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme, in lower case: `basic`, `bearer`.
    pub scheme: String,
    /// Its parameters, their names in lower case.
    pub parameters: BTreeMap<String, String>,
}

/// The challenges of one field value. What cannot be read ends the list.
pub fn challenges(text: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    for item in items(text) {
        let item = item.trim();
        let (head, value) = item.split_once('=').map_or((item, None), |(head, value)| (head.trim_end(), Some(value)));
        // `Bearer realm="x"` begins a challenge, `realm="x"` continues one.
        let (scheme, name) = match head.rsplit_once([' ', '\t']) {
            Some((scheme, name)) => (Some(scheme.trim()), name),
            None if value.is_none() => (Some(head), ""),
            None => (None, head),
        };
        if let Some(scheme) = scheme {
            if found.len() == MOST_CHALLENGES {
                break;
            }
            found.push(Challenge { scheme: scheme.to_ascii_lowercase(), parameters: BTreeMap::new() });
        }
        let (Some(challenge), Some(value)) = (found.last_mut(), value) else { continue };
        if challenge.parameters.len() < MOST_PARAMETERS {
            challenge.parameters.insert(name.to_ascii_lowercase(), unquoted(value));
        }
    }
    found.retain(|challenge| !challenge.scheme.is_empty());
    found
}

/// The parts between commas that stand outside of quotes.
fn items(text: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let is_comma = |letter: char| {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => {}
        }
        letter == ',' && !quoted
    };
    text.split(is_comma).filter(|item| !item.trim().is_empty()).collect()
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let Some(inner) = value.strip_prefix('"').map(|rest| rest.strip_suffix('"').unwrap_or(rest)) else {
        return value.to_owned();
    };
    let mut escaped = false;
    let keep = |letter: &char| {
        escaped = !escaped && *letter == '\\';
        !escaped
    };
    inner.chars().filter(keep).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, Vec<(String, String)>)> {
        challenges(text).into_iter().map(|one| (one.scheme, one.parameters.into_iter().collect())).collect()
    }

    fn one(scheme: &str, parameters: &[(&str, &str)]) -> (String, Vec<(String, String)>) {
        (scheme.into(), parameters.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn what_registries_send_is_read() {
        assert_eq!(
            read(r#"Bearer realm="https://a.example/token",service="r",scope="repository:a/b:pull,push""#),
            [one(
                "bearer",
                &[("realm", "https://a.example/token"), ("scope", "repository:a/b:pull,push"), ("service", "r")]
            )]
        );
        assert_eq!(read("Basic Realm = \"a \\\"b\\\"\""), [one("basic", &[("realm", "a \"b\"")])]);
        assert_eq!(
            read("Negotiate, Basic realm=x, charset=\"UTF-8\""),
            [one("negotiate", &[]), one("basic", &[("charset", "UTF-8"), ("realm", "x")])]
        );
    }

    #[test]
    fn nonsense_is_bounded() {
        assert_eq!(read(""), []);
        assert_eq!(read(",,= ,"), []);
        assert!(challenges(&"a, ".repeat(100_000)).len() <= MOST_CHALLENGES);
        let many: String = (0..10_000).map(|number| format!("p{number}=1,")).collect();
        assert_eq!(challenges(&format!("Basic {many}"))[0].parameters.len(), MOST_PARAMETERS);
    }
}

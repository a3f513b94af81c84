//! The secrets that all tests use, and the forms in which each is looked for
//! wherever it must not be.
//!
//! A secret is made by [`secret!`], which marks it, or is listed in [`FORMED`]
//! where somebody else prescribes its form. What is a secret by its place (a
//! variable, a header field, a login) and is neither, no run is started with:
//! so that no test can forget it.

use std::ffi::{OsStr, OsString};
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use memchr::memmem::Finder;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Minchoc;

/// What every secret that is made here has in it.
pub const MARK: &str = "s3cr3t";

/// A secret of a test, as text that is known at compile time.
macro_rules! secret {
    ($name:literal) => {
        concat!("s3cr3t-", $name)
    };
}
pub(crate) use secret;

/// Secrets without the mark, and why they cannot have it.
const FORMED: [(&str, &str); 4] = [
    (Minchoc::KEY, "minchoc's keys are GUIDs"),
    (Minchoc::STRANGER, "minchoc's keys are GUIDs"),
    (include_str!("../../fixtures/keys/author.key"), "a key of minisign"),
    (include_str!("../../fixtures/keys/stranger.key"), "a key of minisign"),
];

/// Ends of the names of variables that hold a secret.
const SECRET_VARIABLES: [&str; 4] = ["TOKEN", "KEY", "PASSWORD", "SECRET"];
const SECRET_FIELDS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-api-key"];

struct Needle {
    form: &'static str,
    finder: Finder<'static>,
}

static NEEDLES: LazyLock<Vec<Needle>> = LazyLock::new(|| {
    let mut forms: Vec<(&str, String)> = Vec::new();
    for secret in [MARK].into_iter().chain(FORMED.map(|(secret, _)| bare(secret))) {
        let alike = |(form, text): (&'static str, String)| {
            (!forms.iter().any(|(_, known)| *known == text)).then_some((form, text))
        };
        let new: Vec<_> = forms_of(secret).into_iter().filter_map(alike).collect();
        forms.extend(new);
    }
    forms.into_iter().map(|(form, text)| Needle { form, finder: Finder::new(&text).into_owned() }).collect()
});

/// The longest text that is looked for.
pub static LONGEST: LazyLock<usize> =
    LazyLock::new(|| NEEDLES.iter().map(|needle| needle.finder.needle().len()).max().unwrap_or_default());

/// Where in some bytes a secret is, without its text.
pub fn find(bytes: &[u8]) -> Option<String> {
    NEEDLES.iter().find_map(|needle| Some(format!("{} at byte {}", needle.form, needle.finder.find(bytes)?)))
}

/// The value of an `Authorization` field.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Asserts that every secret a run is given is one that the scan looks for.
#[track_caller]
pub fn assert_known(variables: &[(OsString, OsString)], arguments: &[OsString]) {
    for (name, value) in variables {
        let source = OsString::from(format!("env:{}", name.to_string_lossy()));
        let (name, value) = (name.to_string_lossy().to_uppercase(), value.to_string_lossy());
        let is_named = SECRET_VARIABLES.iter().any(|end| name.ends_with(end)) || arguments.contains(&source);
        let is_secret = is_named || login(&value).is_some();
        assert!(!is_secret || value.is_empty() || is_known(&value), "the value of {name} is made without `secret!`");
    }
    for (at, argument) in arguments.iter().map(|argument| argument.to_string_lossy()).enumerate() {
        if let Some(password) = login(&argument) {
            assert!(is_known(password), "the password of argument {at} is made without `secret!`");
        }
        let field = argument.split_once(':').map(|(name, _)| name.to_lowercase());
        let is_secret = field.is_some_and(|name| SECRET_FIELDS.contains(&name.as_str()));
        assert!(!is_secret || is_known(&argument), "the field of argument {at} is made without `secret!`");
    }
}

/// Asserts that no argument is a secret, but where the engine's users have no
/// other way: fields of a request, and URLs.
#[track_caller]
pub fn assert_untold(arguments: &[OsString]) {
    for (at, argument) in arguments.iter().enumerate() {
        let is_field = at > 0 && [OsStr::new("-H"), OsStr::new("--header")].contains(&arguments[at - 1].as_os_str());
        let text = argument.to_string_lossy();
        assert!(is_field || text.contains("://") || !is_known(&text), "argument {at} is a secret");
    }
}

/// Whether a text has a secret in it that the scan looks for.
pub fn is_known(text: &str) -> bool {
    text.contains(MARK) || FORMED.iter().any(|(secret, _)| text.contains(bare(secret)))
}

/// The password of a URL.
fn login(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    let (login, _host) = rest.split(['/', '?', '#']).next()?.rsplit_once('@')?;
    Some(login.split_once(':')?.1)
}

/// A secret without the comment that its file opens with.
fn bare(secret: &'static str) -> &'static str {
    secret.trim_end().lines().next_back().unwrap_or_default()
}

fn forms_of(secret: &str) -> Vec<(&'static str, String)> {
    let mut forms = vec![
        ("a secret", secret.to_owned()),
        ("a secret, encoded for a URL", utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string()),
    ];
    // Behind a user and a colon, as in Basic authentication, or anywhere else:
    // what it is in base64 depends on where in a group of three it begins.
    for offset in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&vec![0; offset], secret.as_bytes()].concat());
        let whole = (8 * offset).div_ceil(6)..8 * (offset + secret.len()) / 6;
        forms.push(("a secret in base64", encoded[whole.clone()].to_owned()));
        forms.push(("a secret in base64 for URLs", encoded[whole].replace('+', "-").replace('/', "_")));
    }
    forms
}

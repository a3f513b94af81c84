//! How git is run, and what it gets of our environment: never a token, as all
//! variables but a few stay out, and of a proxy's login the user alone. The
//! password waits until git asks.

use std::ffi::OsString;

use percent_encoding::percent_decode_str;
use url::{Position, Url};

use crate::cli::settings::Settings;
use crate::model::Secret;
use crate::publish::deliver::git::{GitLogin, GitOptions};

/// Variables that git is given as they are; of all others it knows nothing.
const PLAIN: [&str; 8] = ["PATH", "SSH_AUTH_SOCK", "TMPDIR", "TMP", "TEMP", "SystemRoot", "no_proxy", "NO_PROXY"];
/// Variables that name a proxy.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// How git is run.
pub(super) fn git_options(settings: &Settings) -> GitOptions {
    let plain = PLAIN.iter().filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)));
    let mut variables: Vec<(OsString, OsString)> = plain.collect();
    let named = PROXIES.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?)));
    let own =
        ["http_proxy", "https_proxy"].into_iter().filter_map(|name| Some((name, settings.text("proxy")?.to_owned())));
    let mut proxies = Vec::new();
    for (name, proxy) in named.chain(own) {
        let (shown, login) = without_password(&proxy);
        variables.push((name.into(), shown.into()));
        proxies.extend(login);
    }
    variables.extend(settings.text("noproxy").map(|hosts| ("no_proxy".into(), hosts.into())));
    proxies.dedup_by(|one, other| one.0 == other.0);
    GitOptions {
        environment: variables,
        proxies,
        authorities: settings.path("cacert"),
        stall_timeout: settings.seconds("stall-timeout"),
    }
}

/// A proxy without its password, and the login with where it is for.
fn without_password(proxy: &str) -> (String, Option<(String, GitLogin)>) {
    // Some write a host and a port alone.
    let whole = if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") };
    let Ok(mut url) = whole.parse::<Url>() else { return (proxy.to_owned(), None) };
    let Some(password) = url.password().map(decoded) else { return (proxy.to_owned(), None) };
    let user = decoded(url.username());
    let place = format!("{}://{}", url.scheme(), &url[Position::BeforeHost..Position::AfterPort]);
    // It has a host, so that it can be without a password.
    let _ = url.set_password(None);
    (url.into(), Some((place, GitLogin { user, password: Secret::new(password) })))
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_out_of_a_proxy() {
        let (shown, login) = without_password("http://me:p%40ss@proxy.example:3128");
        let (place, login) = login.expect("a login");
        assert_eq!((shown.as_str(), place.as_str()), ("http://me@proxy.example:3128/", "http://proxy.example:3128"));
        assert_eq!((login.user.as_str(), login.password.expose()), ("me", "p@ss"));
        let (shown, login) = without_password("me:pass@[::1]:3128");
        assert_eq!(
            (shown.as_str(), login.expect("a login").0.as_str()),
            ("http://me@[::1]:3128/", "http://[::1]:3128")
        );
        for plain in ["http://proxy.example:3128", "proxy.example:3128", "http://me@proxy.example", "not a url", ""] {
            let (shown, login) = without_password(plain);
            assert!(shown == plain && login.is_none(), "{plain}");
        }
    }
}

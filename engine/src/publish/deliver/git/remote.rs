//! The repository to push to, read once and strictly: what git is handed has a
//! scheme that we chose, and is no option and no command.

use std::path::Path;

use url::{Position, Url};

use crate::model::excerpt::excerpt;
use crate::model::is_this_machine;
use crate::publish::deliver::DeliverError;

/// How a repository is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTPS, with a token.
    Https,
    /// HTTP without TLS; no credential goes there, unless it is this machine.
    Http,
    /// SSH, with the user's own agent.
    Ssh,
    /// A folder of this machine.
    File,
}

impl Scheme {
    /// As git names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Ssh => "ssh",
            Self::File => "file",
        }
    }
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// How it is reached.
    pub scheme: Scheme,
    /// Its URL as git takes it, without credentials.
    pub url: String,
    /// Whom to name in errors.
    pub server: String,
    is_this_machine: bool,
}

impl Remote {
    /// Reads `OWNER/NAME` (of the web site `web`), a URL, `USER@HOST:PATH`, or
    /// the path of a folder.
    pub fn parse(text: &str, web: &Url) -> Result<Self, DeliverError> {
        let refuse = |why| Err(DeliverError::Repository { text: excerpt(text), why });
        if text.is_empty() || text.starts_with('-') || text.chars().any(|letter| letter.is_control() || letter == ' ') {
            return refuse("it is empty, begins with a hyphen, or has a blank in it");
        }
        if Path::new(text).is_absolute() {
            return Ok(Self::of_url(Scheme::File, format!("file://{text}"), "this machine".into(), true));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return match scheme {
                "https" => Self::of_web(Scheme::Https, text),
                "http" => Self::of_web(Scheme::Http, text),
                "ssh" => Self::of_web(Scheme::Ssh, text),
                "file" => Ok(Self::of_url(Scheme::File, text.to_owned(), "this machine".into(), true)),
                _ => refuse("git speaks https, ssh, http and file here, and no other protocol"),
            };
        }
        if let Some((host, path)) = text.split_once(':') {
            let user_host = host.split_once('@').map_or(host, |(_, host)| host);
            let is_plain =
                |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte));
            // `ext::sh -c ...` would be a command.
            if host.is_empty()
                || user_host.starts_with('-')
                || !is_plain(host)
                || path.is_empty()
                || path.starts_with(':')
            {
                return refuse("it is neither USER@HOST:PATH nor a URL");
            }
            return Ok(Self::of_url(Scheme::Ssh, text.to_owned(), user_host.to_owned(), false));
        }
        let [owner, name] = text.split('/').collect::<Vec<_>>()[..] else {
            return refuse("OWNER/NAME has one slash");
        };
        if !is_name(owner) || !is_name(name) {
            return refuse("owner and name have letters, digits, `.`, `-` and `_` alone");
        }
        let scheme = if web.scheme() == "https" { Scheme::Https } else { Scheme::Http };
        Self::of_web(scheme, &format!("{}/{owner}/{name}.git", web.as_str().trim_end_matches('/')))
    }

    fn of_web(scheme: Scheme, text: &str) -> Result<Self, DeliverError> {
        let refuse = |why| DeliverError::Repository { text: excerpt(text), why };
        let url: Url = text.parse().map_err(|_| refuse("it is no URL"))?;
        let Some(server) = url.host_str().filter(|host| !host.is_empty() && !host.starts_with('-')) else {
            return Err(refuse("it names no host"));
        };
        let server = server.to_owned();
        if url.password().is_some() || (scheme != Scheme::Ssh && !url.username().is_empty()) {
            // The text itself must not be shown.
            let text = format!("{}://[redacted]@{server}/...", url.scheme());
            let why = "credentials do not belong there, where everybody sees them: use --credential";
            return Err(DeliverError::Repository { text, why });
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("it has a query or a fragment"));
        }
        let is_this_machine = is_this_machine(&url);
        Ok(Self::of_url(scheme, url.into(), server, is_this_machine))
    }

    fn of_url(scheme: Scheme, url: String, server: String, is_this_machine: bool) -> Self {
        Self { scheme, url, server, is_this_machine }
    }

    /// Whether a credential may be sent there.
    pub fn takes_credentials(&self) -> bool {
        self.scheme == Scheme::Https || (self.scheme == Scheme::Http && self.is_this_machine)
    }

    /// `SCHEME://HOST:PORT` of what is reached by HTTP.
    pub(super) fn origin(&self) -> Option<String> {
        let url: Url = self.url.parse().ok().filter(|_| self.is_web())?;
        Some(url[..Position::BeforePath].to_owned())
    }

    /// Whether it is reached by HTTP, with TLS or without.
    pub fn is_web(&self) -> bool {
        matches!(self.scheme, Scheme::Https | Scheme::Http)
    }
}

/// Whether a text can be an owner or a repository.
pub(in crate::publish::deliver) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    !text.is_empty() && text.len() <= 100 && !text.starts_with(['.', '-']) && text.bytes().all(allowed)
}

/// Takes the name of a branch by git's rules (`git check-ref-format`).
pub(in crate::publish::deliver) fn check_branch(name: &str) -> Result<(), DeliverError> {
    let is_part =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.to_ascii_lowercase().ends_with(".lock");
    let is_right = name.len() <= 200
        && !name.starts_with('-')
        && !name.ends_with('.')
        && !name.contains("..")
        && !name.contains("@{")
        && name != "@"
        && name.split('/').all(is_part)
        && !name.chars().any(|letter| letter.is_control() || " ~^:?*[\\".contains(letter));
    if is_right {
        return Ok(());
    }
    Err(DeliverError::Repository { text: excerpt(name), why: "it is not the name of a branch" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Remote, DeliverError> {
        Remote::parse(text, &"https://github.com".parse().unwrap())
    }

    #[test]
    fn a_repository_is_what_it_says_and_no_command() {
        for (text, scheme, url) in [
            ("me/bucket", Scheme::Https, "https://github.com/me/bucket.git"),
            ("https://git.example/me/bucket.git", Scheme::Https, "https://git.example/me/bucket.git"),
            ("git@git.example:me/bucket.git", Scheme::Ssh, "git@git.example:me/bucket.git"),
            ("ssh://git@git.example:2222/b.git", Scheme::Ssh, "ssh://git@git.example:2222/b.git"),
            ("/srv/bucket.git", Scheme::File, "file:///srv/bucket.git"),
        ] {
            let remote = parse(text).expect(text);
            assert_eq!((remote.scheme, remote.url.as_str()), (scheme, url));
        }
        for text in [
            "",
            "-u/x",
            "--upload-pack=x",
            "ext::sh -c x",
            "ext::x",
            "a/b/c",
            "a",
            "../x/y",
            "ftp://h/x",
            "git://h/x",
            "ssh://-oProxyCommand=x/y",
            "-oProxyCommand=x:y",
            "x@-oProxyCommand=y:z",
            "https://h/x?y=1",
            "me/.git",
            "me/a b",
            "h::x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_credential_in_a_url_is_refused_and_not_shown() {
        for text in ["https://me:s3cr3t@h/x", "https://s3cr3t@h/x", "ssh://me:s3cr3t@h/x"] {
            let error = parse(text).expect_err("refused").to_string();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn credentials_travel_encrypted() {
        for (text, takes) in [
            ("https://h/x", true),
            ("http://h/x", false),
            ("http://127.0.0.1:80/x", true),
            ("http://[::1]/x", true),
            ("git@h:x", false),
            ("/x", false),
        ] {
            assert_eq!(parse(text).unwrap().takes_credentials(), takes, "{text}");
        }
    }

    #[test]
    fn branches_are_named_as_git_allows() {
        for name in ["main", "a/b", "Tool.App-1.0-abc"] {
            assert!(check_branch(name).is_ok(), "{name}");
        }
        for name in
            ["", "-x", "a..b", "a b", "a/", "/a", "a.lock", "x.", "@", "a@{1}", "a:b", "a\nb", ".a", "a/.b", "HEAD^"]
        {
            assert!(check_branch(name).is_err(), "{name}");
        }
    }
}

//! The URLs that a generator names to learn what became of a delivery, held
//! against where the delivery went, and asked.
//!
//! The key invariants: only the destination is asked; the token goes to the
//! configured API of GitHub alone, and there to what is about the repository
//! of the delivery; nothing is sent that changes anything, and no redirect is
//! followed.

use bytes::Bytes;
use http::Method;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use url::{Host, Url};

use super::intake::Target;
use crate::model::delivery::Delivery;
use crate::model::excerpt::excerpt;
use crate::model::{DisplayUrl, Origin, Secret, is_this_machine};
use crate::net::{Exchange, Net, Trust};

/// Most URLs for one delivery.
const MOST_URLS: usize = 8;
/// Longest URL.
const URL_BYTES: usize = 2048;
/// Largest answer.
const ANSWER_BYTES: usize = 1 << 20;
/// Where GitHub's API is, as generators name it.
const GITHUB_API: &str = "https://api.github.com/";

/// Addresses of GitHub.
#[derive(Debug, Clone)]
pub struct GitHubAt {
    /// Its API.
    pub api: Url,
    /// Its pages.
    pub web: Url,
}

/// Where a delivery went, as far as URLs can tell.
#[derive(Debug, Clone)]
pub struct Inquiry {
    /// GitHub, and the repository there in lower case; none for anything that
    /// did not go there.
    github: Option<(GitHubAt, String)>,
    /// What the user configured.
    own: Vec<Url>,
}

/// A URL that may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    url: Url,
    trust: Trust,
    /// Whether it is the API's, which knows the user.
    is_api: bool,
}

/// A URL that is not asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Too many at once.
    #[error("it names {0} URLs, and {MOST_URLS} are the most")]
    TooMany(usize),
    /// One of them.
    #[error("it names {url}, {why}")]
    Url {
        /// The URL, without what may be secret.
        url: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl Inquiry {
    /// Of a delivery that went to a target; `github` is where GitHub is, unless
    /// the target says so itself.
    pub fn of(delivery: &Delivery, target: &Target, github: &GitHubAt) -> Self {
        let at = GitHubAt {
            api: target.api.clone().unwrap_or_else(|| github.api.clone()),
            web: target.web.clone().unwrap_or_else(|| github.web.clone()),
        };
        match delivery {
            Delivery::GitChange(change) => match repository(&change.repository, &at.web) {
                Some(repository) => Self { own: vec![at.web.clone()], github: Some((at, repository)) },
                None => Self { own: change.repository.parse().into_iter().collect(), github: None },
            },
            Delivery::Nupkg(package) => Self { own: package.endpoint.parse().into_iter().collect(), github: None },
            Delivery::Oci(artifact) => {
                let registry = artifact.reference.split('/').next().unwrap_or_default();
                Self { own: format!("https://{registry}/").parse().into_iter().collect(), github: None }
            }
            Delivery::Files { .. } => Self { own: Vec::new(), github: None },
        }
    }

    /// What is asked for the URLs that a generator named: all of them, or none.
    pub fn admit(&self, named: &[String]) -> Result<Vec<Asked>, Refusal> {
        if named.len() > MOST_URLS {
            return Err(Refusal::TooMany(named.len()));
        }
        named.iter().map(|text| self.admit_one(text)).collect()
    }

    fn admit_one(&self, text: &str) -> Result<Asked, Refusal> {
        let refuse = |url: String, why| Err(Refusal::Url { url, why });
        let url = match text.parse::<Url>() {
            Ok(url) if text.len() <= URL_BYTES => url,
            _ => return refuse(excerpt(text), "which is no URL"),
        };
        let shown = excerpt(&DisplayUrl(&url).to_string());
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return refuse(shown, "which is no https URL");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse(shown, "which carries a login");
        }
        if let Some((api, rest)) = self.at_api(&url) {
            return match self.api_url(api, rest, &url) {
                Some(url) => Ok(Asked { url, trust: Trust::Typed, is_api: true }),
                None => refuse(shown, "which is not about the repository of the delivery"),
            };
        }
        if self.own.iter().any(|own| Origin::of(own) == Origin::of(&url)) {
            return Ok(Asked { url, trust: Trust::Typed, is_api: false });
        }
        if url.scheme() != "https" || url.port().is_some() {
            return refuse(shown, "which is no https URL, or has a port that nobody configured");
        }
        if !self.own.iter().any(|own| is_same_site(own, &url)) {
            return refuse(shown, "which is not where the delivery went");
        }
        Ok(Asked { url, trust: Trust::Named, is_api: false })
    }

    /// The API, and the path below it, of a URL that is the API's: by its own
    /// address, or by the one that GitHub has for everybody or an enterprise.
    fn at_api<'u>(&self, url: &'u Url) -> Option<(&Url, &'u str)> {
        let (at, _) = self.github.as_ref()?;
        let bases = [GITHUB_API.parse().ok(), at.web.join("/api/v3/").ok(), Some(at.api.clone())];
        let rest = bases.into_iter().flatten().find_map(|base| {
            let is_there = Origin::of(&base) == Origin::of(url);
            let path = base.path().trim_end_matches('/');
            url.path().strip_prefix(path).filter(|rest| is_there && rest.starts_with('/'))
        });
        Some((&at.api, rest?))
    }

    /// The same question at the configured API, when it is about the repository.
    fn api_url(&self, api: &Url, rest: &str, url: &Url) -> Option<Url> {
        let (_, repository) = self.github.as_ref()?;
        let is_about = rest.to_ascii_lowercase().starts_with(&format!("/repos/{repository}/"));
        // An encoded part could mean another path to the server than to us.
        if !is_about || rest.contains('%') || rest.contains("//") {
            return None;
        }
        let mut asked = api.clone();
        asked.set_path(&format!("{}{rest}", api.path().trim_end_matches('/')));
        asked.set_query(url.query());
        Some(asked)
    }
}

/// `OWNER/NAME` in lower case, of a repository that is on this GitHub.
fn repository(text: &str, web: &Url) -> Option<String> {
    let path = match text.parse::<Url>() {
        Ok(url) if url.host() == web.host() => url.path().trim_matches('/').trim_end_matches(".git").to_owned(),
        Ok(_) => return None,
        Err(_) => text.to_owned(),
    };
    let is_name = |text: &str| {
        !text.is_empty()
            && !text.starts_with('.')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let (owner, name) = path.split_once('/')?;
    (is_name(owner) && is_name(name)).then(|| path.to_ascii_lowercase())
}

/// Whether two hosts are names of the same registrable domain: a package is
/// pushed to one host of a gallery, and read from another. Without a list of
/// public suffixes this may take two customers of one hosting service for one;
/// but then only a URL without credentials is asked, at a public address.
fn is_same_site(one: &Url, other: &Url) -> bool {
    match (one.host(), other.host()) {
        (Some(Host::Domain(one)), Some(Host::Domain(other))) => site(one).is_some_and(|of| Some(of) == site(other)),
        _ => false,
    }
}

/// The registrable domain of a host: two labels, or three below the second
/// levels that countries have for everybody, such as `co.uk`.
fn site(host: &str) -> Option<&str> {
    const SHARED: [&str; 9] = ["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];
    let host = host.trim_end_matches('.');
    let mut labels = host.rsplit('.');
    let (top, second) = (labels.next()?, labels.next()?);
    let count = if top.len() == 2 && SHARED.contains(&second) { 3 } else { 2 };
    let start = host.rmatch_indices('.').nth(count - 1).map_or(0, |(dot, _)| dot + 1);
    let found = &host[start..];
    (found.split('.').count() == count && found.split('.').all(|label| !label.is_empty())).then_some(found)
}

impl Asked {
    /// Whether the user's token goes with it.
    pub fn takes_token(&self) -> bool {
        self.is_api
    }

    /// Whether a token would be readable on the way.
    pub fn is_in_the_clear(&self) -> bool {
        self.url.scheme() != "https" && !is_this_machine(&self.url)
    }

    /// Asks. Without an answer the status is 0, as generators expect it.
    pub async fn answer(&self, net: &Net, token: Option<&Secret>) -> (u16, Vec<u8>) {
        let headers = if self.is_api { api_headers(token) } else { HeaderMap::new() };
        let get = Exchange { method: Method::GET, url: &self.url, trust: self.trust, headers, body: Bytes::new() };
        match net.exchange(get, ANSWER_BYTES).await {
            Ok(told) => (told.status.as_u16(), told.body),
            Err(error) => {
                tracing::info!("no answer from {}: {error}", DisplayUrl(&self.url));
                (0, Vec::new())
            }
        }
    }
}

fn api_headers(token: Option<&Secret>) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/vnd.github+json")),
        (HeaderName::from_static("x-github-api-version"), HeaderValue::from_static("2022-11-28")),
    ]);
    let bearer = token.map(|token| zeroize::Zeroizing::new(format!("Bearer {}", token.expose())));
    if let Some(mut bearer) = bearer.and_then(|bearer| HeaderValue::from_str(&bearer).ok()) {
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::{GitChange, GitRoute, Nupkg};

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    fn pull(repository: &str) -> Delivery {
        Delivery::GitChange(GitChange {
            repository: repository.into(),
            base: "main".into(),
            branch: None,
            title: String::new(),
            body: String::new(),
            writes: Vec::new(),
            deletes: Vec::new(),
            route: GitRoute::PullRequest,
        })
    }

    fn package(endpoint: &str) -> Delivery {
        Delivery::Nupkg(Nupkg { nuspec: String::new(), files: Vec::new(), endpoint: endpoint.into() })
    }

    fn inquiry(delivery: &Delivery, api: Option<&str>, web: Option<&str>) -> Inquiry {
        let target = Target { api: api.map(url), web: web.map(url), ..Target::default() };
        let github = GitHubAt { api: url("https://api.github.com"), web: url("https://github.com") };
        Inquiry::of(delivery, &target, &github)
    }

    /// Where a URL is asked, who named it, and whether the token goes there.
    fn asked(inquiry: &Inquiry, text: &str) -> Option<(String, Trust, bool)> {
        let asked = inquiry.admit(&[text.to_owned()]).ok()?.remove(0);
        Some((asked.url.to_string(), asked.trust, asked.is_api))
    }

    #[test]
    fn the_api_is_asked_about_the_repository_alone() {
        let github = inquiry(&pull("Owner/Name"), None, None);
        let about = "https://api.github.com/repos/owner/NAME/pulls/7?x=1";
        assert_eq!(asked(&github, about), Some((about.into(), Trust::Typed, true)));
        for other in [
            "https://api.github.com/user",
            "https://api.github.com/repos/owner/name",
            "https://api.github.com/repos/owner/names/pulls/7",
            "https://api.github.com/repos/owner/name/../../else/where/pulls/7",
            "https://api.github.com/repos/owner/name/%2e%2e/%2e%2e/user",
            "https://api.github.com/repos/owner/name/..%2f..%2fuser",
            "https://api.github.com:8443/repos/owner/name/pulls/7",
            "http://api.github.com/repos/owner/name/pulls/7",
        ] {
            assert_eq!(asked(&github, other), None, "{other}");
        }
        let enterprise = inquiry(
            &pull("https://git.example/a/b.git"),
            Some("https://git.example/api/v3"),
            Some("https://git.example"),
        );
        let there = "https://git.example/api/v3/repos/a/b/pulls/7".to_owned();
        for named in ["https://api.github.com/repos/a/b/pulls/7", &there] {
            assert_eq!(asked(&enterprise, named), Some((there.clone(), Trust::Typed, true)), "{named}");
        }
        assert_eq!(asked(&enterprise, "https://git.example/api/v3/user"), None);
        assert_eq!(
            asked(&enterprise, "https://git.example/a/b"),
            Some(("https://git.example/a/b".into(), Trust::Typed, false))
        );
        // A feed's key is nothing for GitHub, nor is GitHub its destination.
        assert_eq!(asked(&inquiry(&package("https://push.example"), None, None), about), None);
        assert_eq!(asked(&inquiry(&pull("https://codeberg.example/a/b"), None, None), about), None);
    }

    #[test]
    fn only_the_destination_is_asked() {
        let gallery = inquiry(&package("https://push.chocolatey.org/"), None, None);
        let entry = "https://community.chocolatey.org/api/v2/Packages(Id='a',Version='1')";
        assert_eq!(asked(&gallery, entry), Some((entry.into(), Trust::Named, false)));
        for other in [
            "http://community.chocolatey.org/",
            "https://community.chocolatey.org:8443/",
            "https://chocolatey.org.evil.example/",
            "https://evilchocolatey.org/",
            "https://me:pw@community.chocolatey.org/",
            "https://169.254.169.254/latest/",
            "https://[::1]/",
            "file:///etc/passwd",
            "gopher://push.chocolatey.org/",
            "data:,x",
            "",
            "push.chocolatey.org",
        ] {
            assert_eq!(asked(&gallery, other), None, "{other}");
        }
        let many = vec![entry.to_owned(); 9];
        assert_eq!(gallery.admit(&many), Err(Refusal::TooMany(9)));
        assert_eq!(gallery.admit(&many[..8]).map(|asked| asked.len()), Ok(8));
        // What the user configured may be anywhere, and that alone.
        let own = inquiry(&package("http://127.0.0.1:8080/feed/"), None, None);
        let there = "http://127.0.0.1:8080/feed/x";
        assert_eq!(asked(&own, there), Some((there.into(), Trust::Typed, false)));
        assert_eq!(asked(&own, "http://127.0.0.1:8081/feed/x"), None);
        assert_eq!(asked(&inquiry(&Delivery::Files { files: Vec::new() }, None, None), entry), None);
    }

    #[test]
    fn a_site_is_a_registrable_domain() {
        for (host, expected) in [
            ("push.chocolatey.org", Some("chocolatey.org")),
            ("chocolatey.org.", Some("chocolatey.org")),
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("co.uk", None),
            ("localhost", None),
            (".org", None),
        ] {
            assert_eq!(site(host), expected, "{host}");
        }
    }
}

//! A repository on a server of git, and why the server refuses.

use std::path::PathBuf;

use base64::Engine as _;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use url::Url;

use super::program::{GitLogin, GitOptions, Program};
use super::repository::Repository;
use super::{Remote, Scheme};
use crate::net::{Exchange, Net, Trust};
use crate::publish::deliver::DeliverError;
use crate::store::ScratchFolder;

/// Largest answer that is read for its status.
const ANSWER_BYTES: usize = 4 << 20;

/// How a repository is reached.
#[derive(Debug, Clone)]
pub struct GitPlace<'a> {
    /// Asks the server why it refuses.
    pub net: &'a Net,
    /// Where it is.
    pub remote: Remote,
    /// A login, for HTTPS.
    pub login: Option<GitLogin>,
    /// What the user decided about git.
    pub options: GitOptions,
    /// A folder for the clone; it is made, and removed.
    pub scratch: PathBuf,
}

/// What the server is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// To give what it has.
    Read,
    /// To take something.
    Write,
}

impl GitPlace<'_> {
    /// Begins a clone, with nothing in it yet.
    pub(super) async fn begin(&self, scratch: &ScratchFolder) -> Result<Repository, DeliverError> {
        if self.login.is_some() && self.remote.scheme == Scheme::Http && !self.remote.takes_credentials() {
            return Err(DeliverError::InTheClear { server: self.remote.server.clone() });
        }
        Repository::create(Program {
            folder: std::path::absolute(scratch.path()).unwrap_or_else(|_| scratch.path().to_owned()),
            remote: self.remote.clone(),
            login: self.login.clone(),
            options: self.options.clone(),
        })
        .await
    }

    /// Fetches a branch and gives its commit.
    pub(super) async fn fetch(
        &self,
        repository: &Repository,
        branch: &str,
        service: Service,
    ) -> Result<String, DeliverError> {
        if self.head(repository, branch, service).await?.is_none() {
            let what = format!("branch {branch} in {}", self.remote.url);
            return Err(DeliverError::NotFound { server: self.remote.server.clone(), what });
        }
        self.explained(repository.fetch(&format!("refs/heads/{branch}")).await, service).await
    }

    /// The commit that a branch is at; none when there is no such branch.
    pub(super) async fn head(
        &self,
        repository: &Repository,
        branch: &str,
        service: Service,
    ) -> Result<Option<String>, DeliverError> {
        match repository.head(branch).await? {
            Ok(head) => Ok(head),
            Err(said) => {
                let error = repository.program.failure("look at the branch", &said);
                Err(self.explain(error, service).await)
            }
        }
    }

    /// What was done, or by the server's own word why it was not.
    pub(super) async fn explained<T>(
        &self,
        done: Result<T, DeliverError>,
        service: Service,
    ) -> Result<T, DeliverError> {
        match done {
            Err(error @ DeliverError::Git { .. }) => Err(self.explain(error, service).await),
            done => done,
        }
    }

    /// Why git failed, by the server's own word: git tells people, and in many
    /// versions, what one status code tells us.
    pub(super) async fn explain(&self, error: DeliverError, service: Service) -> DeliverError {
        let (name, doing) = match service {
            Service::Read => ("git-upload-pack", "reading"),
            Service::Write => ("git-receive-pack", "pushing to"),
        };
        let remote = &self.remote;
        let Ok(url) = format!("{}/info/refs?service={name}", remote.url.trim_end_matches('/')).parse::<Url>() else {
            return error;
        };
        if !remote.is_web() {
            return error;
        }
        let login = self.login.as_ref().filter(|_| remote.takes_credentials());
        let headers: HeaderMap = login.and_then(basic).map(|value| (AUTHORIZATION, value)).into_iter().collect();
        let body = bytes::Bytes::new();
        let exchange = Exchange { method: Method::GET, url: &url, trust: Trust::Typed, headers, body };
        let server = remote.server.clone();
        match self.net.exchange(exchange, ANSWER_BYTES).await {
            Err(net) => net.into(),
            Ok(told) => match told.status {
                StatusCode::UNAUTHORIZED if login.is_none() => DeliverError::NoCredential { server },
                StatusCode::UNAUTHORIZED => DeliverError::Unauthorized { server },
                StatusCode::FORBIDDEN => DeliverError::Forbidden {
                    server,
                    what: format!("{doing} {}", remote.url),
                    status: 403,
                    message: String::new(),
                    needs: None,
                },
                StatusCode::NOT_FOUND => DeliverError::NotFound { server, what: format!("repository {}", remote.url) },
                _ => error,
            },
        }
    }
}

fn basic(login: &GitLogin) -> Option<HeaderValue> {
    let text = zeroize::Zeroizing::new(format!("{}:{}", login.user, login.password.expose()));
    let text = zeroize::Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(text.as_bytes()));
    let text = zeroize::Zeroizing::new(format!("Basic {}", *text));
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

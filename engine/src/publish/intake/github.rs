//! A release on GitHub, read from its API.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use url::Url;

use super::{IntakeError, Planned, ReleaseTable, is_package, platform};
use crate::model::{Digest, Secret};
use crate::net::{Exchange, Net, Trust};

/// Largest answer.
const ANSWER_BYTES: usize = 8 << 20;

/// How GitHub's API is reached.
#[derive(Debug, Clone)]
pub struct GithubApi {
    /// `https://api.github.com`, or that of an enterprise's own.
    pub base: Url,
    /// Raises the limit of requests, and shows private repositories.
    pub token: Option<Secret>,
}

#[derive(Deserialize)]
struct Release {
    tag_name: String,
    name: Option<String>,
    body: Option<String>,
    html_url: Option<String>,
    #[serde(default)]
    draft: bool,
    #[serde(default)]
    prerelease: bool,
    published_at: Option<String>,
    #[serde(default)]
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    browser_download_url: String,
    digest: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    name: String,
    html_url: String,
    description: Option<String>,
    homepage: Option<String>,
    license: Option<License>,
    owner: Owner,
    #[serde(default)]
    topics: Vec<String>,
}

#[derive(Deserialize)]
struct License {
    spdx_id: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    login: String,
}

/// Reads a release by its tag.
pub(super) async fn read(
    net: &Net,
    api: &GithubApi,
    (owner, name): (&str, &str),
    tag: &str,
) -> Result<(ReleaseTable, Vec<Planned>), IntakeError> {
    let repository = ask(net, api, &["repos", owner, name]).await?;
    let release = ask(net, api, &["repos", owner, name, "releases", "tags", tag]).await?;
    parse(format!("the release {tag} of {owner}/{name}"), &repository, &release)
}

/// Reads the API's answers on a repository and on a release, which is called
/// `what` in errors.
pub(super) fn parse(
    what: String,
    repository: &[u8],
    release: &[u8],
) -> Result<(ReleaseTable, Vec<Planned>), IntakeError> {
    let wrong = |error: serde_json::Error| {
        let why = format!("is not what the API promises: {error}");
        IntakeError::Github { what: what.clone(), why }
    };
    let repository: Repository = serde_json::from_slice(repository).map_err(wrong)?;
    let release: Release = serde_json::from_slice(release).map_err(wrong)?;
    if release.draft {
        return Err(IntakeError::Github { what, why: "is a draft, which nobody can download".into() });
    }
    let table = release.table(&repository);
    let artifacts = release.assets.into_iter().filter(|asset| is_package(&asset.name));
    let planned: Result<Vec<Planned>, String> = artifacts.map(Asset::planned).collect();
    Ok((table, planned.map_err(|why| IntakeError::Github { what, why })?))
}

async fn ask(net: &Net, api: &GithubApi, path: &[&str]) -> Result<Vec<u8>, IntakeError> {
    let what = path.join("/");
    let mut url = api.base.clone();
    let wrong = |why: String| IntakeError::Github { what: what.clone(), why };
    url.path_segments_mut().map_err(|()| wrong("the API's address takes no path".into()))?.pop_if_empty().extend(path);
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
    headers.insert("x-github-api-version", HeaderValue::from_static("2022-11-28"));
    if let Some(token) = &api.token {
        let value = HeaderValue::from_str(&format!("Bearer {}", token.expose()));
        let mut value = value.map_err(|_| wrong("GITHUB_TOKEN has characters that no token has".into()))?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    let exchange = Exchange { method: Method::GET, url: &url, trust: Trust::Typed, headers, body: Bytes::new() };
    let told = net.exchange(exchange, ANSWER_BYTES).await?;
    match told.status {
        status if status.is_success() => Ok(told.body),
        StatusCode::NOT_FOUND => Err(IntakeError::NotOnGithub { what, has_token: api.token.is_some() }),
        StatusCode::UNAUTHORIZED => Err(IntakeError::GithubRefuses { what, status: 401 }),
        StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            Err(IntakeError::GithubRefuses { what, status: told.status.as_u16() })
        }
        status => Err(wrong(format!("GitHub answers {status}"))),
    }
}

impl Release {
    fn table(&self, repository: &Repository) -> ReleaseTable {
        let filled = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let version = self.tag_name.rsplit('/').next().unwrap_or_default();
        let license = repository.license.as_ref().and_then(|license| license.spdx_id.clone());
        ReleaseTable {
            name: Some(repository.name.clone()),
            version: Some(version.strip_prefix('v').unwrap_or(version).to_owned()),
            tag: Some(self.tag_name.clone()),
            date: self.published_at.as_ref().and_then(|date| date.get(..10).map(str::to_owned)),
            prerelease: Some(self.prerelease),
            publisher: Some(repository.owner.login.clone()),
            homepage: filled(&repository.homepage).or_else(|| Some(repository.html_url.clone())),
            source: Some(repository.html_url.clone()),
            notes: self.html_url.clone(),
            license: license.filter(|id| id != "NOASSERTION"),
            summary: filled(&repository.description),
            release_notes: filled(&self.body).or_else(|| filled(&self.name)),
            tags: repository.topics.clone(),
            extra: BTreeMap::new(),
            ..ReleaseTable::default()
        }
    }
}

impl Asset {
    fn planned(self) -> Result<Planned, String> {
        let url = super::public_url(&self.browser_download_url).map_err(|why| format!("asset {}: {why}", self.name))?;
        let named = platform::of_name(&self.name);
        let digest = self.digest.as_deref().map(str::parse::<Digest>).transpose();
        let digest = digest.map_err(|error| format!("asset {}: {error}", self.name))?;
        Ok(Planned {
            file_name: Some(self.name),
            url: Some(url),
            trust: Trust::Named,
            os: named.os.map(str::to_owned),
            arch: named.arch.map(str::to_owned),
            libc: named.libc.map(str::to_owned),
            digests: digest.into_iter().filter(|digest| digest.algorithm().is_collision_resistant()).collect(),
            ..Planned::default()
        })
    }
}

//! Digests of the file, from the user and from the origin.
//!
//! Only the origin and what the user named are asked: a digest that came from
//! a mirror would prove nothing.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, join_all};
use url::Url;

use super::source::Source;
use super::{ChecksumFile, DownloadError, Engine, Job, NetworkUse, Promised, Proof};
use crate::model::files::{Sums, SumsError, asset_digest};
use crate::model::{Digest, Origin};
use crate::net::{Get, Net, NetError, Trust, Wanted};
use crate::plan::names;
use crate::store::read_bounded;

/// Largest checksum list.
const SUMS_BYTES: usize = 16 << 20;
/// Largest answer of GitHub's API.
const API_BYTES: usize = 8 << 20;
/// How long the origin's metadata may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The digests in the list that the user named. Blocks on a local list.
pub(super) async fn from_checksum_file(engine: &Engine, job: &Job) -> Result<Vec<Promised>, DownloadError> {
    let text = match &job.checksum_file {
        None => return Ok(Vec::new()),
        Some(ChecksumFile::Path(path)) => read_bounded(path, SUMS_BYTES)?,
        Some(ChecksumFile::Url(_)) if engine.options.network == NetworkUse::Offline => {
            return Err(DownloadError::Offline);
        }
        Some(ChecksumFile::Url(url)) => {
            let scoped = job.scoped();
            let get = Get { scoped: Some(&scoped), ..Get::new(url, Trust::Typed, Wanted::Everything) };
            engine.net.get(get).await?.collect(SUMS_BYTES).await?
        }
    };
    let name = names::from_url(&job.url);
    let digests = Sums::parse(&text)?.digests_of(&name)?;
    if digests.is_empty() {
        return Err(DownloadError::NotListed(name));
    }
    Ok(promised(digests, Proof::ChecksumFile))
}

/// What the origin's own metadata says: GitHub's API, then checksum files
/// beside the file. Silence and failure are the same: no digest.
async fn discover(net: &Net, origin: &Source) -> Vec<Promised> {
    let all = async {
        let (github, beside) = futures_util::future::join(github(net, &origin.url), sidecars(net, origin)).await;
        [promised(github, Proof::GithubDigest), promised(beside, Proof::Sidecar)].concat()
    };
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_default()
}

/// The digests that [`discover`] finds, asked for once and only when wanted.
/// Clones share the answer.
#[derive(Clone)]
pub(super) struct Discovery(Shared<BoxFuture<'static, Vec<Promised>>>);

impl Discovery {
    /// Of the file at `origin`.
    pub(super) fn new(net: &Net, origin: &Source) -> Self {
        let (net, origin) = (net.clone(), origin.alone());
        Self(async move { discover(&net, &origin).await }.boxed().shared())
    }

    /// The digests; asks where nobody has.
    pub(super) async fn found(&self) -> Vec<Promised> {
        self.0.clone().await
    }
}

/// Whether one of these digests vouches for bytes of anyone.
pub(super) fn vouches(digests: &[Promised]) -> bool {
    digests.iter().any(|promised| promised.digest.algorithm().is_collision_resistant())
}

pub(super) fn promised(digests: Vec<Digest>, by: Proof) -> Vec<Promised> {
    digests.into_iter().map(|digest| Promised { digest, by }).collect()
}

async fn github(net: &Net, url: &Url) -> Vec<Digest> {
    let Some((api, file)) = release_api(url) else { return Vec::new() };
    let answer = async {
        let body = net.get(Get::new(&api, Trust::Named, Wanted::Everything)).await?.collect(API_BYTES).await?;
        Ok::<_, NetError>(body)
    };
    let Ok(body) = answer.await else { return Vec::new() };
    asset_digest(&body, &file).into_iter().collect()
}

/// The API's page on the release that a download URL belongs to, and the asset's name.
fn release_api(url: &Url) -> Option<(Url, String)> {
    if url.scheme() != "https" || url.host_str() != Some("github.com") {
        return None;
    }
    let segments: Vec<_> = url.path_segments()?.collect();
    let (owner, repository, release, file) = match segments[..] {
        [owner, repository, "releases", "download", tag, file] => (owner, repository, format!("tags/{tag}"), file),
        [owner, repository, "releases", "latest", "download", file] => (owner, repository, "latest".into(), file),
        _ => return None,
    };
    let api = format!("https://api.github.com/repos/{owner}/{repository}/releases/{release}");
    let file = percent_encoding::percent_decode_str(file).decode_utf8().ok()?.into_owned();
    Some((api.parse().ok()?, file))
}

async fn sidecars(net: &Net, origin: &Source) -> Vec<Digest> {
    let name = names::from_url(&origin.url);
    let lists = sidecar_urls(&origin.url);
    let found = join_all(lists.iter().map(|list| sidecar(net, origin, list, &name))).await;
    found.into_iter().find(|digests| !digests.is_empty()).unwrap_or_default()
}

fn sidecar_urls(url: &Url) -> Vec<Url> {
    let mut own = url.clone();
    own.set_query(None);
    own.set_path(&format!("{}.sha256", url.path()));
    let mut list = own.clone();
    list.set_path(&format!("{}SHA256SUMS", &url.path()[..=url.path().rfind('/').unwrap_or(0)]));
    vec![own, list]
}

async fn sidecar(net: &Net, origin: &Source, list: &Url, name: &str) -> Vec<Digest> {
    debug_assert_eq!(Origin::of(list), Origin::of(&origin.url), "a sidecar is at the origin");
    let get = Get { scoped: origin.scoped.as_ref(), ..Get::new(list, origin.trust, Wanted::Everything) };
    let Ok(answer) = net.get(get).await else { return Vec::new() };
    let Ok(text) = answer.collect(SUMS_BYTES).await else { return Vec::new() };
    let digests = Sums::parse(&text).and_then(|sums| sums.digests_of(name));
    let strong = |digest: &Digest| digest.algorithm().is_collision_resistant();
    digests.map_or_else(|_: SumsError| Vec::new(), |all| all.into_iter().filter(strong).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn finds_the_release_of_an_asset() {
        let (api, file) = release_api(&url("https://github.com/o/r/releases/download/v1/a%2Bb.zip")).expect("an asset");
        assert_eq!(api.as_str(), "https://api.github.com/repos/o/r/releases/tags/v1");
        assert_eq!(file, "a+b.zip");
        assert!(release_api(&url("https://github.com/o/r/releases/latest/download/a.zip")).is_some());
        for other in
            ["http://github.com/o/r/releases/download/v1/a", "https://github.com/o/r/blob/main/a", "https://x/"]
        {
            assert!(release_api(&url(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn reads_the_digest_of_the_right_asset() {
        let hex = "ab".repeat(32);
        let body = format!(r#"{{"assets":[{{"name":"x","digest":null}},{{"name":"a.zip","digest":"sha256:{hex}"}}]}}"#);
        assert_eq!(asset_digest(body.as_bytes(), "a.zip").expect("a digest").hex(), hex);
        assert_eq!(asset_digest(body.as_bytes(), "x"), None);
        assert_eq!(asset_digest(b"<html>", "x"), None);
    }

    #[test]
    fn sidecars_stand_beside_the_file() {
        let beside: Vec<_> = sidecar_urls(&url("https://h/d/f.iso?x=1")).into_iter().map(String::from).collect();
        assert_eq!(beside, ["https://h/d/f.iso.sha256", "https://h/d/SHA256SUMS"]);
    }
}

//! What GitHub's API says of the files of a release.

use serde::Deserialize;

use crate::model::Digest;

#[derive(Deserialize)]
struct Release {
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    name: String,
    digest: Option<String>,
}

/// The digest of one file in the answer on a release; none where it has no such
/// file, or none that proves anything.
pub fn asset_digest(body: &[u8], file: &str) -> Option<Digest> {
    let release: Release = serde_json::from_slice(body).ok()?;
    let asset = release.assets.into_iter().find(|asset| asset.name == file)?;
    asset.digest?.parse().ok().filter(|digest: &Digest| digest.algorithm().is_collision_resistant())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_digest_is_none() {
        let body = |digest: &str| format!(r#"{{"assets":[{{"name":"a","digest":"{digest}"}}]}}"#);
        assert!(asset_digest(body(&format!("sha256:{}", "ab".repeat(32))).as_bytes(), "a").is_some());
        assert_eq!(asset_digest(body(&format!("md5:{}", "ab".repeat(16))).as_bytes(), "a"), None);
    }
}

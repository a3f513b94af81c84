//! What the services say that releases go to: bodies of answers, and what git
//! prints of a repository.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use turbo_engine::model::Digest;
use turbo_engine::model::files::asset_digest;
use turbo_engine::net::oci::manifest::{Manifest, authorization};
use turbo_engine::publish::deliver::git::output::{listed, pushed};
use turbo_engine::publish::deliver::github::answers::{
    Commit, Content, Found, LONGEST_WAIT, Listed, Pull, Reference, Repository, Shelf, User, asked_to_wait, message,
    page,
};
use turbo_engine::publish::deliver::nuget::feed::{Known, Package, compare};

/// Reads the data as an answer of GitHub's API, whatever was asked.
pub fn github(data: &[u8]) {
    for status in [400, 403, 404, 422, 500].map(|status| StatusCode::from_u16(status).expect("a status")) {
        let said = message(data, status);
        assert!(said.contains(status.as_str()) && said.len() <= 2 * data.len() + 32, "{said}");
    }
    waits(data);
    if let Ok(content) = serde_json::from_slice::<Content>(data)
        && let Ok(Some(bytes)) = content.bytes()
    {
        assert!(bytes.len() <= content.text.len() / 4 * 3 + 3, "{} bytes", bytes.len());
    }
    if let Ok(repository) = serde_json::from_slice::<Repository>(data) {
        assert!(repository.fork || !repository.is_fork_of(&repository.full_name), "{repository:?}");
    }
    let pulls = serde_json::from_slice::<Pull>(data).map(|pull| pull.html_url).into_iter();
    let found = serde_json::from_slice::<Found>(data).map(|found| found.items).unwrap_or_default();
    for address in pulls.chain(found.into_iter().map(|pull| pull.html_url)) {
        let Some(shown) = page(&address) else { continue };
        assert!(shown.starts_with("http") && !shown.contains(char::is_control), "{shown:?}");
        assert_eq!(page(&shown).as_ref(), Some(&shown));
    }
    let names = serde_json::from_slice::<Vec<Listed>>(data).unwrap_or_default();
    assert!(names.iter().map(|listed| listed.name.len()).sum::<usize>() <= data.len());
    let _ = serde_json::from_slice::<Commit>(data);
    let _ = serde_json::from_slice::<Reference>(data);
    let _ = serde_json::from_slice::<Shelf>(data);
    let _ = serde_json::from_slice::<User>(data);
    for name in ["a.zip", "tool-linux.tar.gz"] {
        let digest: Option<Digest> = asset_digest(data, name);
        assert!(
            digest.is_none_or(|digest| digest.algorithm().is_collision_resistant()),
            "a weak digest proves nothing"
        );
    }
}

/// However long a limit asks to wait, there is an end.
fn waits(data: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(&data[..data.len().min(64)]) else { return };
    let fields = |name: HeaderName| {
        HeaderMap::from_iter([
            (name, value.clone()),
            (HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from_static("0")),
        ])
    };
    for headers in [fields(RETRY_AFTER), fields(HeaderName::from_static("x-ratelimit-reset"))] {
        for status in [StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS, StatusCode::OK] {
            for now in [0, 1_767_225_600].map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)) {
                let wait = asked_to_wait(status, &headers, now);
                assert!(wait.is_none_or(|wait| wait <= LONGEST_WAIT), "{wait:?}");
                assert_eq!(wait.is_some(), status != StatusCode::OK);
            }
        }
    }
}

/// Reads the data as a package, up to the first zero, and as what a feed says
/// of it. A feed that has these bytes does not have others.
pub fn nuget_feed(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(0);
    let (bytes, body) = (&data[..end], data.get(end + 1..).unwrap_or_default());
    let known = compare(body, Package { bytes });
    assert_eq!(known, compare(body, Package { bytes }));
    let longer = [bytes, b"x"].concat();
    let other = compare(body, Package { bytes: &longer });
    assert!(known != Known::Same || other == Known::Other, "{other:?}");
    // Whether there is an entry does not depend on the package.
    let is_there = |known| matches!(known, Known::Same | Known::Other | Known::Present);
    assert_eq!((is_there(known), known == Known::Absent), (is_there(other), other == Known::Absent));
}

/// Reads the data as a manifest of an OCI registry, and as the answer of a
/// token server.
pub fn oci_manifest(data: &[u8]) {
    if let Some(header) = authorization(data) {
        assert!(header.is_sensitive() && header.as_bytes().len() > 7 && header.as_bytes().starts_with(b"Bearer "));
        assert!(header.as_bytes().len() <= data.len() * 3 + 7);
    }
    let Ok(manifest) = Manifest::parse(data) else { return };
    assert_eq!(Manifest::parse(&manifest.bytes()).expect("just written"), manifest);
    match manifest.layer() {
        Ok(layer) => assert_eq!(layer.digest.hex().len(), 64),
        Err(what) => assert!(what.chars().count() <= 1200 && !what.contains(char::is_control), "{what:?}"),
    }
}

/// Reads the data as a list of files, and as the outcome of a push.
pub fn git_output(data: &[u8]) {
    let found = listed(data);
    assert!(found.len() <= data.len() / 3 + 1, "{} entries", found.len());
    for entry in &found {
        assert!(!entry.mode.contains([' ', '\t', '\0']) && !entry.object.contains([' ', '\t', '\0']), "{entry:?}");
        assert!(!entry.path.contains('\0'), "{entry:?}");
    }
    if let Some((flag, summary)) = pushed(data, "refs/heads/main") {
        assert!(!flag.contains(['\t', '\n']) && !summary.contains(['\t', '\n']), "{flag:?} {summary:?}");
    }
}

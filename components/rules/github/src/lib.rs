//! Mirrors of GitHub's release files, raw files and generated archives.
//!
//! Copies of a mutable name (a branch, `latest`) may be stale and archives are
//! generated on demand, so those candidates promise nothing. A `blob` page is
//! a web page and not the file: it is refused with the URL to ask for instead.

use turbo_component::{Answer, Candidate, MirrorRule, Pattern, Place, RuleError, RuleInfo, Url, is_commit_hash};

/// Services that take the whole URL behind theirs.
const PROXIES: &[Place] = &[
    Place::proxy("https://gh-proxy.com/").region("cn").weight(60),
    Place::proxy("https://ghfast.top/").region("cn").weight(55),
    Place::proxy("https://ghproxy.net/").region("cn").weight(50),
];
/// Takes release files only.
const RELEASE_PROXY: Place = Place::proxy("https://hub.gitmirror.com/").region("cn").weight(40);
/// Sites that stand in for github.com, path for path.
const TWINS: &[Place] = &[
    Place::proxy("https://bgithub.xyz").region("cn").weight(30),
    Place::proxy("https://kkgithub.com").region("cn").weight(25),
];
const RAW_CDN: Place = Place::cdn("https://cdn.jsdelivr.net/gh/").weight(70);
const RAW_TWIN: Place = Place::proxy("https://raw.gitmirror.com").region("cn").weight(40);

/// The rule.
#[derive(Debug, Default)]
pub struct GitHub;

impl MirrorRule for GitHub {
    fn describe(&self) -> RuleInfo {
        RuleInfo::new("github", env!("CARGO_PKG_VERSION"), "GitHub release files, raw files and archives")
            .pattern(Pattern::host("github.com").or_host("raw.githubusercontent.com"))
            .example(
                "https://github.com/o/r/releases/download/v1/a.zip",
                &[
                    "https://gh-proxy.com/https://github.com/o/r/releases/download/v1/a.zip",
                    "https://ghfast.top/https://github.com/o/r/releases/download/v1/a.zip",
                    "https://ghproxy.net/https://github.com/o/r/releases/download/v1/a.zip",
                    "https://hub.gitmirror.com/https://github.com/o/r/releases/download/v1/a.zip",
                    "https://bgithub.xyz/o/r/releases/download/v1/a.zip",
                    "https://kkgithub.com/o/r/releases/download/v1/a.zip",
                ],
            )
            .example(
                "https://raw.githubusercontent.com/o/r/v1/d/f",
                &[
                    "https://cdn.jsdelivr.net/gh/o/r@v1/d/f",
                    "https://gh-proxy.com/https://raw.githubusercontent.com/o/r/v1/d/f",
                    "https://ghfast.top/https://raw.githubusercontent.com/o/r/v1/d/f",
                    "https://ghproxy.net/https://raw.githubusercontent.com/o/r/v1/d/f",
                    "https://raw.gitmirror.com/o/r/v1/d/f",
                ],
            )
            .example(
                "https://github.com/o/r/raw/v1/f",
                &[
                    "https://cdn.jsdelivr.net/gh/o/r@v1/f",
                    "https://gh-proxy.com/https://github.com/o/r/raw/v1/f",
                    "https://ghfast.top/https://github.com/o/r/raw/v1/f",
                    "https://ghproxy.net/https://github.com/o/r/raw/v1/f",
                ],
            )
            .example(
                "https://codeload.github.com/o/r/tar.gz/refs/tags/v1",
                &[
                    "https://gh-proxy.com/https://github.com/o/r/archive/refs/tags/v1.tar.gz",
                    "https://ghfast.top/https://github.com/o/r/archive/refs/tags/v1.tar.gz",
                    "https://ghproxy.net/https://github.com/o/r/archive/refs/tags/v1.tar.gz",
                ],
            )
            .refuses("https://github.com/o/r/blob/main/README.md")
            .refuses("https://github.com/o/r")
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        match url.host {
            "github.com" => map_site(url),
            "raw.githubusercontent.com" => map_raw(url),
            "codeload.github.com" => map_codeload(url),
            _ => Err(RuleError::NotMine),
        }
    }
}

turbo_component::export_mirror_rule!(GitHub);

fn map_site(url: &Url<'_>) -> Answer {
    let ([owner, name, page], rest) = url.split_path().ok_or(RuleError::NotMine)?;
    match (page, url.query) {
        ("releases", None) => map_release(url, rest),
        ("raw", None) | ("blob", Some("raw=true" | "raw=1")) => Ok(map_site_raw(&Raw::parse(owner, name, rest)?)),
        ("blob", _) => Err(refuse_page(&Raw::parse(owner, name, rest)?)),
        ("archive", None) => Ok(proxied_archive(url.path)),
        _ => Err(RuleError::NotMine),
    }
}

fn map_release(url: &Url<'_>, rest: &str) -> Answer {
    let is_mutable = match rest.split_once('/') {
        // A tag may contain slashes, so anything with a tag and a name will do.
        Some(("download", file)) if is_tag_and_file(file) => false,
        Some(("latest", file)) if file.starts_with("download/") && !file.ends_with('/') => true,
        _ => return Err(RuleError::NotMine),
    };
    let whole = ["https://github.com", url.path].concat();
    let mut found = Place::all(PROXIES, &whole);
    found.push(RELEASE_PROXY.with(&whole));
    found.extend(Place::all(TWINS, url.path));
    Ok(if is_mutable { without_promise(found) } else { found })
}

fn is_tag_and_file(path: &str) -> bool {
    path.rsplit_once('/').is_some_and(|(tag, file)| !tag.is_empty() && !file.is_empty())
}

fn map_raw(url: &Url<'_>) -> Answer {
    // The only query a raw file has is the token of a private repository.
    if url.query.is_some() {
        return Err(RuleError::NotMine);
    }
    let ([owner, name], rest) = url.split_path().ok_or(RuleError::NotMine)?;
    let raw = Raw::parse(owner, name, rest)?;
    let mut found = vec![raw.on_cdn()];
    found.extend(Place::all(PROXIES, &["https://raw.githubusercontent.com", url.path].concat()));
    found.push(RAW_TWIN.with(url.path));
    Ok(raw.promised(found))
}

/// `/raw/` follows large-file pointers where `raw.githubusercontent.com` shows
/// the pointer itself, so the sources of the latter are no substitute; the
/// network serves the pointer too, and the promise is withdrawn for it.
fn map_site_raw(raw: &Raw<'_>) -> Vec<Candidate> {
    let whole = ["https://github.com/", raw.owner, "/", raw.name, "/raw/", raw.rest].concat();
    let mut found = vec![raw.on_cdn().may_differ()];
    found.extend(raw.promised(Place::all(PROXIES, &whole)));
    found
}

fn map_codeload(url: &Url<'_>) -> Answer {
    let ([owner, name, format], reference) = url.split_path().ok_or(RuleError::NotMine)?;
    let extension = match (format, url.query) {
        ("tar.gz", None) => ".tar.gz",
        ("zip", None) => ".zip",
        _ => return Err(RuleError::NotMine),
    };
    Ok(proxied_archive(&["/", owner, "/", name, "/archive/", reference, extension].concat()))
}

fn proxied_archive(path: &str) -> Vec<Candidate> {
    Place::all_unpromised(PROXIES, &["https://github.com", path].concat())
}

fn refuse_page(raw: &Raw<'_>) -> RuleError {
    let file = ["https://raw.githubusercontent.com/", raw.owner, "/", raw.name, "/", raw.rest].concat();
    RuleError::Refused(["a blob page is a web page, not the file; download ", &file].concat())
}

fn without_promise(found: Vec<Candidate>) -> Vec<Candidate> {
    found.into_iter().map(Candidate::may_differ).collect()
}

/// A file of a repository at a reference.
struct Raw<'a> {
    owner: &'a str,
    name: &'a str,
    /// Reference and path.
    rest: &'a str,
    reference: &'a str,
    path: &'a str,
}

impl<'a> Raw<'a> {
    fn parse(owner: &'a str, name: &'a str, rest: &'a str) -> Result<Self, RuleError> {
        let short = rest.strip_prefix("refs/heads/").or_else(|| rest.strip_prefix("refs/tags/")).unwrap_or(rest);
        match short.split_once('/') {
            Some((reference, path)) if !reference.is_empty() && !path.is_empty() => {
                Ok(Self { owner, name, rest, reference, path })
            }
            _ => Err(RuleError::Invalid("the URL names no file behind the reference".to_owned())),
        }
    }

    /// The network's name of the file. A reference with a slash reads as a
    /// shorter reference there and finds nothing.
    fn on_cdn(&self) -> Candidate {
        RAW_CDN.with(&[self.owner, "/", self.name, "@", self.reference, "/", self.path].concat())
    }

    /// Candidates of a branch or a tag may be stale.
    fn promised(&self, found: Vec<Candidate>) -> Vec<Candidate> {
        if is_commit_hash(self.reference) { found } else { without_promise(found) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbo_component::{Promise, testing};

    use super::*;

    fn promises(url: &str) -> Vec<Promise> {
        testing::ask(&GitHub, url).unwrap().iter().map(|found| found.promise).collect()
    }

    #[test]
    fn answers_its_examples() {
        testing::self_test(&GitHub);
    }

    #[test]
    fn a_release_file_promises_the_same_bytes_and_the_latest_does_not() {
        let tagged = promises("https://github.com/o/r/releases/download/cli/v1/a.zip");
        assert!(tagged.iter().all(|&promise| promise == Promise::SameBytes));
        let latest = promises("https://github.com/o/r/releases/latest/download/a.zip");
        assert!(latest.iter().all(|&promise| promise == Promise::MayDiffer));
    }

    #[test]
    fn a_commit_promises_the_same_bytes_and_a_branch_does_not() {
        let commit = "https://raw.githubusercontent.com/o/r/0123456789abcdef0123456789abcdef01234567/f";
        assert!(promises(commit).iter().all(|&promise| promise == Promise::SameBytes));
        let branch = "https://raw.githubusercontent.com/o/r/refs/heads/main/f";
        assert!(promises(branch).iter().all(|&promise| promise == Promise::MayDiffer));
    }

    #[test]
    fn a_blob_page_is_refused_with_the_url_of_the_file() {
        let Err(RuleError::Refused(text)) = testing::ask(&GitHub, "https://github.com/o/r/blob/main/d/f") else {
            panic!("not refused");
        };
        assert!(text.ends_with("download https://raw.githubusercontent.com/o/r/main/d/f"), "{text}");
        assert!(testing::ask(&GitHub, "https://github.com/o/r/blob/main/d/f?raw=true").is_ok());
    }

    #[test]
    fn a_private_file_is_not_told_to_anybody() {
        let answer = testing::ask(&GitHub, "https://raw.githubusercontent.com/o/r/main/f?token=secret");
        assert_eq!(answer, Err(RuleError::NotMine));
    }

    #[test]
    fn what_is_no_file_is_not_mine() {
        for url in [
            "https://github.com/",
            "https://github.com/o/r/releases/tag/v1",
            "https://github.com/o/r/releases/download/v1",
            "https://github.com/o/r/releases/download/v1/",
            "https://github.com:8443/o/r/releases/download/v1/a",
            "https://api.github.com/repos/o/r/releases/assets/1",
            "https://codeload.github.com/o/r/legacy.zip/main",
        ] {
            assert_eq!(testing::ask(&GitHub, url), Err(RuleError::NotMine), "{url}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_is_harmless(tail in any::<String>()) {
            for front in ["", "https://github.com/", "https://raw.githubusercontent.com/", "https://codeload.github.com/"] {
                let _ = testing::ask(&GitHub, &[front, &tail].concat());
            }
        }

        #[test]
        fn odd_paths_are_harmless(
            page in "releases|raw|blob|archive",
            tail in "(/|\\?|@|%2e|\\.\\.|download|latest|refs|heads|a){0,9}",
        ) {
            let _ = testing::ask(&GitHub, &["https://github.com/o/r/", &page, "/", &tail].concat());
        }
    }
}

//! The addresses of a feed, as its clients derive them from the one they are given.

use url::Url;

use super::NugetError;
use crate::model::{DisplayUrl, Origin, is_this_machine};
use crate::publish::pack::Nuspec;

/// The addresses of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// Where packages are put.
    pub(super) push: Url,
    /// What the entries of packages are below.
    api: Url,
}

/// Refuses a source to which a key must not go: by another protocol, with a
/// login in it, or in the clear to another machine.
pub(super) fn check(source: &Url) -> Result<(), NugetError> {
    let wrong = |why| NugetError::Source { source_url: DisplayUrl(source).to_string(), why };
    if !matches!(source.scheme(), "http" | "https") || source.host().is_none() {
        return Err(wrong("it is no http or https URL"));
    }
    if !source.username().is_empty() || source.password().is_some() {
        return Err(wrong("it carries a login"));
    }
    if source.query().is_some() || source.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    if source.scheme() == "http" && !is_this_machine(source) {
        return Err(NugetError::InTheClear { feed: Origin::of(source).to_string() });
    }
    Ok(())
}

impl Endpoint {
    /// A bare host gets `api/v2/package/` behind it; any other source is the
    /// push service itself.
    pub(super) fn of(source: &Url) -> Result<Self, NugetError> {
        let join = |base: &Url, path: &str| {
            base.join(path).map_err(|_| NugetError::protocol(source, "an address that nothing can be added to"))
        };
        let mut base = source.clone();
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", source.path()));
        }
        if base.path() == "/" {
            let api = join(&base, "api/v2/")?;
            return Ok(Self { push: join(&api, "package/")?, api });
        }
        // The push service of galleries is the folder `package` of the feed.
        let api = if base.path().ends_with("/package/") { join(&base, "../")? } else { base.clone() };
        Ok(Self { push: base, api })
    }

    /// Whom to name in the records.
    pub(super) fn origin(&self) -> Origin {
        Origin::of(&self.push)
    }

    /// What the feed tells of one version.
    pub(super) fn entry(&self, nuspec: &Nuspec) -> Url {
        let mut url = self.api.clone();
        // Neither part has a character that a URL or `OData` would read otherwise.
        url.set_path(&format!("{}Packages(Id='{}',Version='{}')", self.api.path(), nuspec.id, nuspec.version));
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(source: &str) -> (String, String) {
        let endpoint = Endpoint::of(&source.parse().unwrap()).unwrap();
        (endpoint.push.into(), endpoint.api.into())
    }

    #[test]
    fn only_a_bare_host_gets_a_path() {
        for (source, push, api) in [
            ("https://push.example", "https://push.example/api/v2/package/", "https://push.example/api/v2/"),
            (
                "https://push.example/api/v2/package",
                "https://push.example/api/v2/package/",
                "https://push.example/api/v2/",
            ),
            ("https://host.example/feed/", "https://host.example/feed/", "https://host.example/feed/"),
        ] {
            assert_eq!(endpoint(source), (push.into(), api.into()), "{source}");
        }
    }

    #[test]
    fn a_key_goes_nowhere_in_the_clear() {
        for good in ["https://push.example", "http://127.0.0.1:8080", "http://[::1]/x", "http://localhost:1"] {
            check(&good.parse().unwrap()).expect(good);
        }
        for bad in ["http://push.example", "http://127.0.0.1.evil.example", "http://10.0.0.1/"] {
            assert!(matches!(check(&bad.parse().unwrap()), Err(NugetError::InTheClear { .. })), "{bad}");
        }
        for bad in ["ftp://push.example", "https://me:pw@push.example", "https://push.example/?apikey=1", "file:///x"] {
            let error = check(&bad.parse().unwrap()).expect_err(bad);
            assert!(matches!(error, NugetError::Source { .. }) && !error.to_string().contains("pw"), "{bad}");
        }
    }
}

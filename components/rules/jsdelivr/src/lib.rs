//! Other networks for the files of jsDelivr, unpkg and cdnjs.
//!
//! The networks resolve a range of versions each at its own time, and each has
//! its own idea of a package's main file: only a file of an exact version is
//! the same everywhere.

use turbo_component::{Answer, Candidate, MirrorRule, Pattern, Place, RuleError, RuleInfo, Url};

/// The networks behind jsDelivr, each under its own name.
const JSDELIVR: &[Place] = &[
    Place::cdn("https://cdn.jsdelivr.net").weight(80),
    Place::cdn("https://fastly.jsdelivr.net").weight(75),
    Place::cdn("https://gcore.jsdelivr.net").weight(70),
    Place::cdn("https://testingcf.jsdelivr.net").weight(60),
];
const UNPKG: Place = Place::cdn("https://unpkg.com/").weight(50);
/// The only full copy of cdnjs with its paths; other sites that offer one
/// have served altered scripts.
const CDNJS: Place = Place::mirror("https://mirrors.sustech.edu.cn/cdnjs").region("cn").weight(50);

/// The rule.
#[derive(Debug, Default)]
pub struct JsDelivr;

impl MirrorRule for JsDelivr {
    fn describe(&self) -> RuleInfo {
        RuleInfo::new("jsdelivr", env!("CARGO_PKG_VERSION"), "Files of jsDelivr, unpkg and cdnjs")
            .pattern(Pattern::host("jsdelivr.net").under("/npm/").under("/gh/").under("/wp/"))
            .pattern(Pattern::host("unpkg.com"))
            .pattern(Pattern::host("cdnjs.cloudflare.com").under("/ajax/libs/"))
            .example(
                "https://cdn.jsdelivr.net/npm/vue@3.4.0/dist/vue.js",
                &[
                    "https://fastly.jsdelivr.net/npm/vue@3.4.0/dist/vue.js",
                    "https://gcore.jsdelivr.net/npm/vue@3.4.0/dist/vue.js",
                    "https://testingcf.jsdelivr.net/npm/vue@3.4.0/dist/vue.js",
                    "https://unpkg.com/vue@3.4.0/dist/vue.js",
                ],
            )
            .example(
                "https://unpkg.com/@vue/shared@3.4.0/index.js",
                &[
                    "https://cdn.jsdelivr.net/npm/@vue/shared@3.4.0/index.js",
                    "https://fastly.jsdelivr.net/npm/@vue/shared@3.4.0/index.js",
                    "https://gcore.jsdelivr.net/npm/@vue/shared@3.4.0/index.js",
                    "https://testingcf.jsdelivr.net/npm/@vue/shared@3.4.0/index.js",
                ],
            )
            .example(
                "https://cdnjs.cloudflare.com/ajax/libs/jquery/3.7.1/jquery.min.js",
                &["https://mirrors.sustech.edu.cn/cdnjs/ajax/libs/jquery/3.7.1/jquery.min.js"],
            )
            .refuses("https://unpkg.com/vue@3/dist/vue.js")
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        if url.file().is_none() {
            return Err(RuleError::NotMine);
        }
        match url.host {
            "unpkg.com" => map_unpkg(url.path),
            "cdnjs.cloudflare.com" => map_cdnjs(url.path),
            host => map_jsdelivr(host, url.path),
        }
    }
}

turbo_component::export_mirror_rule!(JsDelivr);

fn map_jsdelivr(host: &str, path: &str) -> Answer {
    let is_asked = |place: &Place| place.front().strip_prefix("https://") == Some(host);
    let is_file = ["/npm/", "/gh/", "/wp/"].iter().any(|front| path.starts_with(front));
    if !JSDELIVR.iter().any(is_asked) || !is_file {
        return Err(RuleError::NotMine);
    }
    let mut found: Vec<_> = JSDELIVR.iter().filter(|place| !is_asked(place)).map(|place| place.with(path)).collect();
    match path.strip_prefix("/npm/") {
        Some(file) if is_exact(file) => found.push(UNPKG.with(file)),
        _ => found = found.into_iter().map(Candidate::may_differ).collect(),
    }
    Ok(found)
}

fn map_unpkg(path: &str) -> Answer {
    match path.strip_prefix('/') {
        Some(file) if is_exact(file) => Ok(Place::all(JSDELIVR, &["/npm", path].concat())),
        _ => Err(RuleError::NotMine),
    }
}

fn map_cdnjs(path: &str) -> Answer {
    let file = path.strip_prefix("/ajax/libs/").ok_or(RuleError::NotMine)?;
    match file.split('/').nth(1) {
        Some(version) if file.split('/').count() > 2 && is_exact_version(version) => Ok(vec![CDNJS.with(path)]),
        _ => Err(RuleError::NotMine),
    }
}

/// Whether `NAME@VERSION/PATH` or `@SCOPE/NAME@VERSION/PATH` names a file of
/// one version.
fn is_exact(file: &str) -> bool {
    let Some((scope_and_name, path)) = file.split_once('@').map(|(front, rest)| match front {
        "" => rest.split_once('@').unwrap_or_default(),
        _ => (front, rest),
    }) else {
        return false;
    };
    let has_name = scope_and_name.split('/').all(|part| !part.is_empty())
        && scope_and_name.split('/').count() == if file.starts_with('@') { 2 } else { 1 };
    has_name && path.split_once('/').is_some_and(|(version, path)| is_exact_version(version) && !path.is_empty())
}

/// Whether a text begins as a semantic version does: three numbers. What
/// follows (a pre-release) makes it no less exact.
fn is_exact_version(version: &str) -> bool {
    let core = version.split(['-', '+']).next().unwrap_or(version);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    core.split('.').count() == 3 && core.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbo_component::{Promise, testing};

    use super::*;

    #[test]
    fn answers_its_examples() {
        testing::self_test(&JsDelivr);
    }

    #[test]
    fn only_an_exact_version_is_exact() {
        for exact in ["vue@3.4.0/a", "vue@3.4.0-rc.1/a/b", "@s/n@1.2.3/a"] {
            assert!(is_exact(exact), "{exact}");
        }
        for loose in
            ["vue/a", "vue@3/a", "vue@^3.4.0/a", "vue@latest/a", "vue@3.4.0", "@s@1.2.3/a", "@s/n/a", "a/b@1.2.3/c", ""]
        {
            assert!(!is_exact(loose), "{loose}");
        }
    }

    #[test]
    fn a_range_promises_nothing() {
        let found = testing::ask(&JsDelivr, "https://fastly.jsdelivr.net/npm/vue@3/dist/vue.js").unwrap();
        assert_eq!(found[0].url, "https://cdn.jsdelivr.net/npm/vue@3/dist/vue.js");
        assert!(found.iter().all(|found| found.promise == Promise::MayDiffer));
    }

    #[test]
    fn listings_queries_and_other_hosts_are_not_mine() {
        for url in [
            "https://cdn.jsdelivr.net/npm/vue@3.4.0/",
            "https://cdn.jsdelivr.net/combine/npm/a@1.0.0,npm/b@1.0.0",
            "https://data.jsdelivr.net/npm/vue@3.4.0/dist/vue.js",
            "https://unpkg.com/vue@3.4.0/dist/vue.js?module",
            "https://cdnjs.cloudflare.com/ajax/libs/jquery/latest/jquery.js",
            "https://cdnjs.cloudflare.com/ajax/libs/jquery/3.7.1",
        ] {
            assert_eq!(testing::ask(&JsDelivr, url), Err(RuleError::NotMine), "{url}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_is_harmless(tail in any::<String>()) {
            for front in ["", "https://cdn.jsdelivr.net/npm/", "https://unpkg.com/", "https://cdnjs.cloudflare.com/ajax/libs/"] {
                let _ = testing::ask(&JsDelivr, &[front, &tail].concat());
            }
        }

        #[test]
        fn odd_names_are_harmless(tail in "(/|@|\\.|-|1|a){0,12}") {
            let _ = testing::ask(&JsDelivr, &["https://unpkg.com/", &tail].concat());
        }
    }
}

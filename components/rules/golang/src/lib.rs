//! Mirrors of Go modules and toolchains.
//!
//! A module's `.zip` and `.mod` are fixed by the checksum database. Its
//! `.info`, the version list and `@latest` are each proxy's own words.

use turbo_component::{Answer, MirrorRule, Pattern, Place, RuleError, RuleInfo, Url};

const MODULES: &[Place] = &[
    Place::proxy("https://goproxy.cn").region("cn").weight(70),
    Place::proxy("https://mirrors.aliyun.com/goproxy").region("cn").weight(60),
    Place::proxy("https://goproxy.io").weight(50),
];
const TOOLCHAINS: &[Place] = &[
    Place::mirror("https://mirrors.aliyun.com/golang/").region("cn").weight(70),
    Place::mirror("https://mirrors.ustc.edu.cn/golang/").region("cn").weight(65),
    Place::cdn("https://golang.google.cn/dl/").region("cn").weight(60),
];

/// The rule.
#[derive(Debug, Default)]
pub struct Golang;

impl MirrorRule for Golang {
    fn describe(&self) -> RuleInfo {
        RuleInfo::new("golang", env!("CARGO_PKG_VERSION"), "Go modules and toolchains")
            .pattern(Pattern::host("proxy.golang.org"))
            .pattern(Pattern::host("dl.google.com").under("/go/go1."))
            .pattern(Pattern::host("go.dev").under("/dl/go1."))
            .example(
                "https://proxy.golang.org/golang.org/x/text/@v/v0.14.0.zip",
                &[
                    "https://goproxy.cn/golang.org/x/text/@v/v0.14.0.zip",
                    "https://mirrors.aliyun.com/goproxy/golang.org/x/text/@v/v0.14.0.zip",
                    "https://goproxy.io/golang.org/x/text/@v/v0.14.0.zip",
                ],
            )
            .example(
                "https://go.dev/dl/go1.22.0.linux-amd64.tar.gz",
                &[
                    "https://mirrors.aliyun.com/golang/go1.22.0.linux-amd64.tar.gz",
                    "https://mirrors.ustc.edu.cn/golang/go1.22.0.linux-amd64.tar.gz",
                    "https://golang.google.cn/dl/go1.22.0.linux-amd64.tar.gz",
                ],
            )
            .refuses("https://proxy.golang.org/golang.org/x/text/@v/list")
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        let file = url.file().ok_or(RuleError::NotMine)?;
        match url.host {
            "proxy.golang.org" => map_module(url.path, file),
            "dl.google.com" => map_toolchain(url.path, "/go/"),
            "go.dev" => map_toolchain(url.path, "/dl/"),
            _ => Err(RuleError::NotMine),
        }
    }
}

turbo_component::export_mirror_rule!(Golang);

fn map_module(path: &str, file: &str) -> Answer {
    let module = path.strip_suffix(file).and_then(|folder| folder.strip_suffix("/@v/")).unwrap_or_default();
    if module.len() <= "/".len() || !file.starts_with('v') {
        return Err(RuleError::NotMine);
    }
    match file.rsplit_once('.') {
        Some((_, "zip" | "mod")) => Ok(Place::all(MODULES, path)),
        Some((_, "info")) => Ok(Place::all_unpromised(MODULES, path)),
        _ => Err(RuleError::NotMine),
    }
}

fn map_toolchain(path: &str, folder: &str) -> Answer {
    match path.strip_prefix(folder) {
        Some(file) if file.starts_with("go1.") && !file.contains('/') => Ok(Place::all(TOOLCHAINS, file)),
        _ => Err(RuleError::NotMine),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbo_component::{Promise, testing};

    use super::*;

    #[test]
    fn answers_its_examples() {
        testing::self_test(&Golang);
    }

    #[test]
    fn what_a_proxy_says_itself_promises_nothing() {
        let found = testing::ask(&Golang, "https://proxy.golang.org/a.example/m/@v/v1.0.0.info").unwrap();
        assert!(found.iter().all(|found| found.promise == Promise::MayDiffer));
    }

    #[test]
    fn indexes_and_pages_are_not_mine() {
        for url in [
            "https://proxy.golang.org/a.example/m/@latest",
            "https://proxy.golang.org/@v/v1.0.0.zip",
            "https://proxy.golang.org/sumdb/sum.golang.org/supported",
            "https://go.dev/dl/",
            "https://go.dev/dl/go1.22.0.src.tar.gz?mode=json",
            "https://dl.google.com/go/go1.22.0/x",
            "https://dl.google.com/android/a.zip",
        ] {
            assert_eq!(testing::ask(&Golang, url), Err(RuleError::NotMine), "{url}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_is_harmless(tail in any::<String>()) {
            for front in ["", "https://proxy.golang.org/", "https://go.dev/dl/go1.", "https://dl.google.com/go/"] {
                let _ = testing::ask(&Golang, &[front, &tail].concat());
            }
        }

        #[test]
        fn odd_modules_are_harmless(tail in "(/|@v|v1|\\.|zip|mod){0,9}") {
            let _ = testing::ask(&Golang, &["https://proxy.golang.org/", &tail].concat());
        }
    }
}

//! Mirrors by a table: the package registries of languages and systems, and
//! whatever the user adds by settings.
//!
//! The built-in table is `table.toml`, turned into constants by the build
//! script. The user's rules are asked first, and the first rule that matches
//! answers. A rule names a file's shape, never an index: what a registry says
//! is newest stays with the registry.

mod rule;
mod settings;
mod shape;

use turbo_component::{Answer, MirrorRule, Pattern, RuleError, RuleInfo, Url};

use crate::rule::{Rule, Target};

mod table {
    use turbo_component::Place;

    use super::{Rule, Target};

    include!(concat!(env!("OUT_DIR"), "/table.rs"));
}

/// Looks like a package and is a web page: there is no candidate for it.
const A_PAGE: (&str, &[&str]) = ("https://rubygems.org/gems/rails", &[]);

/// The rule.
#[derive(Debug, Default)]
pub struct TableMirror {
    /// The user's rules.
    own: Vec<Rule>,
}

impl TableMirror {
    fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.own.iter().chain(table::RULES)
    }

    /// Whether no rule of the user's answers for the built-in table.
    fn answers_as_built(&self, text: &str) -> bool {
        Url::parse(text).is_some_and(|url| self.own.iter().all(|rule| rule.map(&url).is_none()))
    }
}

impl MirrorRule for TableMirror {
    fn configure(&mut self, settings: &[(String, String)]) -> Result<(), String> {
        self.own = settings::parse(settings)?;
        Ok(())
    }

    fn describe(&self) -> RuleInfo {
        let mut info =
            RuleInfo::new("table-mirror", env!("CARGO_PKG_VERSION"), "Package registries and your own table");
        info.patterns = patterns(self.rules());
        let as_built = table::EXAMPLES.iter().chain(&[A_PAGE]).filter(|(url, _)| self.answers_as_built(url));
        as_built.fold(info, |info, (url, candidates)| info.example(url, candidates))
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        self.rules().find_map(|rule| rule.map(url)).unwrap_or(Err(RuleError::NotMine))
    }
}

turbo_component::export_mirror_rule!(TableMirror);

/// One pattern for each host, with the paths of all its rules.
fn patterns<'a>(rules: impl Iterator<Item = &'a Rule>) -> Vec<Pattern> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for rule in rules {
        let path = shape::prefix(rule.path);
        match patterns.iter_mut().find(|pattern| pattern.host_suffixes == [rule.host_suffix]) {
            Some(pattern) if pattern.path_prefixes.iter().any(|known| known == path) => {}
            Some(pattern) => pattern.path_prefixes.push(path.to_owned()),
            None => patterns.push(Pattern::host(rule.host_suffix).under(path)),
        }
    }
    patterns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbo_component::testing;

    use super::*;

    fn configured(settings: &[(&str, &str)]) -> TableMirror {
        let settings: Vec<_> = settings.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut rule = TableMirror::default();
        rule.configure(&settings).unwrap();
        rule
    }

    fn urls(rule: &TableMirror, url: &str) -> Vec<String> {
        testing::ask(rule, url).unwrap_or_default().into_iter().map(|found| found.url).collect()
    }

    #[test]
    fn answers_its_examples() {
        testing::self_test(&TableMirror::default());
    }

    #[test]
    fn every_row_of_the_table_answers_its_own_example() {
        let rule = TableMirror::default();
        let patterns = rule.describe().patterns;
        for (url, count) in table::ASKED {
            assert_eq!(urls(&rule, url).len(), *count, "{url}");
            let parsed = Url::parse(url).unwrap();
            assert!(patterns.iter().any(|pattern| pattern.matches(&parsed)), "{url} is outside the patterns");
        }
    }

    #[test]
    fn a_package_is_mapped_by_the_domain_of_its_registry() {
        let rule = TableMirror::default();
        let found = urls(&rule, "https://any.host.debian.org/debian/pool/main/a/a_1_all.deb");
        assert_eq!(found[0], "https://mirrors.tuna.tsinghua.edu.cn/debian/pool/main/a/a_1_all.deb");
        assert_eq!(urls(&rule, "https://notdebian.org/debian/pool/main/a/a_1_all.deb"), [""; 0]);
        let scoped = urls(&rule, "https://npmjs.org/@types/node/-/node-20.0.0.tgz");
        assert_eq!(scoped[0], "https://registry.npmmirror.com/@types/node/-/node-20.0.0.tgz");
    }

    #[test]
    fn an_index_is_never_mapped() {
        for url in [
            "https://debian.org/debian/dists/stable/InRelease",
            "https://debian.org/debian/pool/",
            "https://pythonhosted.org/simple/requests/",
            "https://npmjs.org/lodash",
            "https://npmjs.org/@babel/core",
            "https://crates.io/se/rd/serde",
            "https://crates.io/api/v1/crates/serde",
            "https://rubygems.org/versions",
            "https://static.rust-lang.org/dist/channel-rust-stable.toml",
            "https://cran.r-project.org/src/contrib/PACKAGES.gz",
            "https://conda.anaconda.org/conda-forge/linux-64/repodata.json",
            "https://alpinelinux.org/alpine/v3.19/main/x86_64/APKINDEX.tar.gz",
        ] {
            assert_eq!(testing::ask(&TableMirror::default(), url), Err(RuleError::NotMine), "{url}");
        }
    }

    #[test]
    fn the_host_asked_is_not_its_own_mirror() {
        let found =
            urls(&TableMirror::default(), "https://mirrors.edge.kernel.org/pub/linux/kernel/v6.x/linux-6.8.1.tar.xz");
        assert!(!found.is_empty() && found.iter().all(|url| !url.contains("edge.kernel.org")), "{found:?}");
    }

    #[test]
    fn the_users_rules_go_first_and_show_in_the_patterns() {
        let rule = configured(&[
            ("rule.0.host-suffix", "debian.org"),
            ("rule.0.path", "/debian/pool/{rest..}"),
            ("rule.0.targets.0.url", "https://near.example/deb/{rest}"),
            ("rule.1.host-suffix", "files.example"),
            ("rule.1.path", "/pub/{file}"),
            ("rule.1.targets.0.url", "https://copy.example/{file}"),
            ("rule.1.targets.0.kind", "cdn"),
        ]);
        testing::self_test(&rule);
        assert_eq!(urls(&rule, "https://debian.org/debian/pool/a/b.deb"), ["https://near.example/deb/a/b.deb"]);
        assert_eq!(urls(&rule, "https://dl.files.example/pub/x.iso"), ["https://copy.example/x.iso"]);
        let patterns = rule.describe().patterns;
        assert!(patterns.iter().any(|pattern| pattern.host_suffixes == ["files.example"]));
    }

    proptest! {
        #[test]
        fn hostile_text_is_harmless(tail in any::<String>()) {
            for front in ["", "https://", "https://debian.org/debian/pool/", "https://crates.io/crates/", "https://npmjs.org/"] {
                let _ = testing::ask(&TableMirror::default(), &[front, &tail].concat());
            }
        }

        #[test]
        fn hostile_settings_are_harmless(key in "rule\\.[0-9]{1,3}\\.(path|host-suffix|targets\\.[0-9]\\.(url|weight))", value in any::<String>()) {
            let _ = TableMirror::default().configure(&[(key, value)]);
        }
    }
}

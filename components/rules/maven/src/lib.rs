//! Mirrors of Maven Central.
//!
//! A released artifact never changes. The listings and `maven-metadata.xml` do,
//! and stale metadata hides releases, so they stay with the origin.

use turbo_component::{Answer, Candidate, MirrorRule, Pattern, Place, RuleError, RuleInfo, Url};

/// The two names of Maven Central, one network behind both.
const ORIGINS: [&str; 2] = ["https://repo1.maven.org", "https://repo.maven.apache.org"];
/// Google's copies for the Americas, Europe and Asia; and caches in China.
const COPIES: &[Place] = &[
    Place::mirror("https://maven-central.storage-download.googleapis.com/maven2/").region("us").weight(80),
    Place::mirror("https://maven-central-eu.storage-download.googleapis.com/maven2/").weight(75),
    Place::mirror("https://maven-central-asia.storage-download.googleapis.com/maven2/").weight(70),
    Place::proxy("https://maven.aliyun.com/repository/central/").region("cn").weight(65),
    Place::proxy("https://mirrors.cloud.tencent.com/nexus/repository/maven-public/").region("cn").weight(50),
    Place::proxy("https://repo.huaweicloud.com/repository/maven/").region("cn").weight(45),
];

/// The rule.
#[derive(Debug, Default)]
pub struct Maven;

impl MirrorRule for Maven {
    fn describe(&self) -> RuleInfo {
        RuleInfo::new("maven", env!("CARGO_PKG_VERSION"), "Artifacts of Maven Central")
            .pattern(Pattern::host("repo1.maven.org").or_host("repo.maven.apache.org").under("/maven2/"))
            .example(
                "https://repo1.maven.org/maven2/g/a/1.0/a-1.0.jar",
                &[
                    "https://repo.maven.apache.org/maven2/g/a/1.0/a-1.0.jar",
                    "https://maven-central.storage-download.googleapis.com/maven2/g/a/1.0/a-1.0.jar",
                    "https://maven-central-eu.storage-download.googleapis.com/maven2/g/a/1.0/a-1.0.jar",
                    "https://maven-central-asia.storage-download.googleapis.com/maven2/g/a/1.0/a-1.0.jar",
                    "https://maven.aliyun.com/repository/central/g/a/1.0/a-1.0.jar",
                    "https://mirrors.cloud.tencent.com/nexus/repository/maven-public/g/a/1.0/a-1.0.jar",
                    "https://repo.huaweicloud.com/repository/maven/g/a/1.0/a-1.0.jar",
                ],
            )
            .refuses("https://repo.maven.apache.org/maven2/g/a/maven-metadata.xml")
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        let twin = match url.host {
            "repo1.maven.org" => ORIGINS[1],
            "repo.maven.apache.org" => ORIGINS[0],
            _ => return Err(RuleError::NotMine),
        };
        let artifact = url.path.strip_prefix("/maven2/").filter(|path| is_artifact(path)).ok_or(RuleError::NotMine)?;
        url.file().filter(|file| !file.starts_with("maven-metadata")).ok_or(RuleError::NotMine)?;
        let mut found: Vec<Candidate> = vec![Place::cdn(twin).weight(90).with(url.path)];
        found.extend(Place::all(COPIES, artifact));
        Ok(found)
    }
}

turbo_component::export_mirror_rule!(Maven);

/// Whether a path is `GROUP/ARTIFACT/VERSION/FILE`; a group has one or more
/// segments.
fn is_artifact(path: &str) -> bool {
    path.split('/').count() >= 4 && path.split('/').all(|segment| !segment.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbo_component::testing;

    use super::*;

    #[test]
    fn answers_its_examples() {
        testing::self_test(&Maven);
    }

    #[test]
    fn what_changes_is_not_mine() {
        for url in [
            "https://repo1.maven.org/maven2/g/a/1.0/",
            "https://repo1.maven.org/maven2/org/g/a/maven-metadata.xml.sha1",
            "https://repo1.maven.org/maven2/archetype-catalog.xml",
            "https://repo1.maven.org/maven2/.index/nexus-maven-repository-index.gz",
            "https://repo1.maven.org/other/g/a/1.0/a-1.0.jar",
        ] {
            assert_eq!(testing::ask(&Maven, url), Err(RuleError::NotMine), "{url}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_is_harmless(tail in any::<String>()) {
            for front in ["", "https://repo1.maven.org/maven2/", "https://repo.maven.apache.org/maven2/a/b/c/"] {
                let _ = testing::ask(&Maven, &[front, &tail].concat());
            }
        }
    }
}

//! Mirrors of Node.js releases.

use turbo_component::{Answer, MirrorRule, Pattern, Place, RuleError, RuleInfo, Url};

const MIRRORS: &[Place] = &[
    Place::cdn("https://npmmirror.com/mirrors/node/").region("cn").weight(70),
    Place::mirror("https://mirrors.tuna.tsinghua.edu.cn/nodejs-release/").region("cn").weight(65),
    Place::mirror("https://mirrors.ustc.edu.cn/node/").region("cn").weight(60),
    Place::mirror("https://mirrors.aliyun.com/nodejs-release/").region("cn").weight(55),
];

/// The two names that nodejs.org gives the same folder.
const FOLDERS: [&str; 2] = ["/dist/", "/download/release/"];

/// The rule.
#[derive(Debug, Default)]
pub struct NodeJs;

impl MirrorRule for NodeJs {
    fn describe(&self) -> RuleInfo {
        RuleInfo::new("nodejs", env!("CARGO_PKG_VERSION"), "Node.js releases")
            .pattern(Pattern::host("nodejs.org").under(FOLDERS[0]).under(FOLDERS[1]))
            .example(
                "https://nodejs.org/dist/v20.11.0/node-v20.11.0-linux-x64.tar.xz",
                &[
                    "https://npmmirror.com/mirrors/node/v20.11.0/node-v20.11.0-linux-x64.tar.xz",
                    "https://mirrors.tuna.tsinghua.edu.cn/nodejs-release/v20.11.0/node-v20.11.0-linux-x64.tar.xz",
                    "https://mirrors.ustc.edu.cn/node/v20.11.0/node-v20.11.0-linux-x64.tar.xz",
                    "https://mirrors.aliyun.com/nodejs-release/v20.11.0/node-v20.11.0-linux-x64.tar.xz",
                ],
            )
            .refuses("https://nodejs.org/dist/index.json")
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        if url.host != "nodejs.org" || url.file().is_none() {
            return Err(RuleError::NotMine);
        }
        let file = FOLDERS.iter().find_map(|folder| url.path.strip_prefix(folder)).ok_or(RuleError::NotMine)?;
        match file.split_once('/') {
            Some((folder, _)) if is_version(folder) => Ok(Place::all(MIRRORS, file)),
            // `latest` and `latest-v20.x` move from release to release.
            Some((folder, _)) if folder.starts_with("latest") => Ok(Place::all_unpromised(MIRRORS, file)),
            _ => Err(RuleError::NotMine),
        }
    }
}

turbo_component::export_mirror_rule!(NodeJs);

fn is_version(folder: &str) -> bool {
    let mut bytes = folder.bytes();
    bytes.next() == Some(b'v') && bytes.next().is_some_and(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbo_component::{Promise, testing};

    use super::*;

    #[test]
    fn answers_its_examples() {
        testing::self_test(&NodeJs);
    }

    #[test]
    fn both_names_of_the_folder_are_known() {
        let ask = |folder: &str| {
            testing::ask(&NodeJs, &["https://nodejs.org/", folder, "/v20.0.0/win-x64/node.exe"].concat())
        };
        assert_eq!(ask("dist").unwrap(), ask("download/release").unwrap());
    }

    #[test]
    fn what_moves_promises_nothing_and_indexes_are_not_mine() {
        let found = testing::ask(&NodeJs, "https://nodejs.org/dist/latest-v20.x/SHASUMS256.txt").unwrap();
        assert!(found.iter().all(|found| found.promise == Promise::MayDiffer));
        for url in ["https://nodejs.org/dist/v20.0.0/", "https://nodejs.org/dist/index.tab", "https://nodejs.org/en/a"]
        {
            assert_eq!(testing::ask(&NodeJs, url), Err(RuleError::NotMine), "{url}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_is_harmless(tail in any::<String>()) {
            for front in ["", "https://nodejs.org/dist/", "https://nodejs.org/download/release/v"] {
                let _ = testing::ask(&NodeJs, &[front, &tail].concat());
            }
        }
    }
}

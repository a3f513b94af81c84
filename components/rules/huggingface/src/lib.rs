//! A mirror of Hugging Face models, datasets and spaces.
//!
//! A `blob` page is a web page and not the file: it is refused with the URL to
//! ask for instead.

use turbo_component::{Answer, MirrorRule, Pattern, Place, RuleError, RuleInfo, Url, is_commit_hash};

const MIRROR: Place = Place::proxy("https://hf-mirror.com").region("cn").weight(70);

/// Segments of the longest repository: `datasets/OWNER/NAME`.
const MOST_NAMES: usize = 3;

/// The rule.
#[derive(Debug, Default)]
pub struct HuggingFace;

impl MirrorRule for HuggingFace {
    fn describe(&self) -> RuleInfo {
        RuleInfo::new("huggingface", env!("CARGO_PKG_VERSION"), "Hugging Face models, datasets and spaces")
            .pattern(Pattern::host("huggingface.co"))
            .example(
                "https://huggingface.co/o/m/resolve/main/d/model.bin",
                &["https://hf-mirror.com/o/m/resolve/main/d/model.bin"],
            )
            .example(
                "https://huggingface.co/datasets/o/d/resolve/v1/a.csv?download=true",
                &["https://hf-mirror.com/datasets/o/d/resolve/v1/a.csv?download=true"],
            )
            .refuses("https://huggingface.co/o/m/blob/main/config.json")
            .refuses("https://huggingface.co/o/m")
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        let file = File::parse(url).ok_or(RuleError::NotMine)?;
        let found = match (file.page, url.query) {
            ("resolve" | "raw", None) => MIRROR.with(url.path),
            ("resolve", Some("download=true")) => MIRROR.with(&[url.path, "?download=true"].concat()),
            ("blob", _) => return Err(file.refuse_page()),
            _ => return Err(RuleError::NotMine),
        };
        Ok(vec![if is_commit_hash(file.revision) { found } else { found.may_differ() }])
    }
}

turbo_component::export_mirror_rule!(HuggingFace);

/// `REPOSITORY/PAGE/REVISION/PATH`, where the repository is `OWNER/NAME`,
/// an old model's bare `NAME`, or either behind `datasets` or `spaces`.
struct File<'a> {
    /// With the slashes around it.
    repository: &'a str,
    page: &'a str,
    revision: &'a str,
    path: &'a str,
}

impl<'a> File<'a> {
    fn parse(url: &Url<'a>) -> Option<Self> {
        if url.host != "huggingface.co" {
            return None;
        }
        let mut rest = url.path.strip_prefix('/')?;
        for names in 0..=MOST_NAMES {
            let (segment, behind) = rest.split_once('/')?;
            match segment {
                "" | "api" => return None,
                // The first of these words is the page; any other is a folder.
                "resolve" | "raw" | "blob" if names > 0 => {
                    let repository = url.path.strip_suffix(rest)?;
                    let (revision, path) = behind.split_once('/')?;
                    let is_file = !revision.is_empty() && !path.is_empty() && !path.ends_with('/');
                    return is_file.then_some(Self { repository, page: segment, revision, path });
                }
                _ => rest = behind,
            }
        }
        None
    }

    fn refuse_page(&self) -> RuleError {
        let file = ["https://huggingface.co", self.repository, "resolve/", self.revision, "/", self.path].concat();
        RuleError::Refused(["a blob page is a web page, not the file; download ", &file].concat())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbo_component::{Promise, testing};

    use super::*;

    #[test]
    fn answers_its_examples() {
        testing::self_test(&HuggingFace);
    }

    #[test]
    fn a_blob_page_is_refused_with_the_url_of_the_file() {
        let answer = testing::ask(&HuggingFace, "https://huggingface.co/datasets/o/d/blob/main/x/y.csv");
        let Err(RuleError::Refused(text)) = answer else { panic!("not refused") };
        assert!(text.ends_with("download https://huggingface.co/datasets/o/d/resolve/main/x/y.csv"), "{text}");
    }

    #[test]
    fn a_commit_promises_the_same_bytes_and_a_branch_does_not() {
        let promise = |revision: &str| {
            let url = ["https://huggingface.co/gpt2/resolve/", revision, "/model.bin"].concat();
            testing::ask(&HuggingFace, &url).unwrap()[0].promise
        };
        assert_eq!(promise("0123456789abcdef0123456789abcdef01234567"), Promise::SameBytes);
        assert_eq!(promise("main"), Promise::MayDiffer);
    }

    #[test]
    fn what_is_no_file_is_not_mine() {
        for url in [
            "https://huggingface.co/o/m/tree/main",
            "https://huggingface.co/o/m/resolve/main/",
            "https://huggingface.co/o/m/resolve/main",
            "https://huggingface.co/api/models/resolve/main/f",
            "https://huggingface.co/o/m/resolve/main/f?token=x",
            "https://huggingface.co//m/resolve/main/f",
            "https://cdn-lfs.huggingface.co/o/m/resolve/main/f",
        ] {
            assert_eq!(testing::ask(&HuggingFace, url), Err(RuleError::NotMine), "{url}");
        }
    }

    proptest! {
        #[test]
        fn hostile_text_is_harmless(tail in any::<String>()) {
            for front in ["", "https://huggingface.co/", "https://huggingface.co/o/m/resolve/"] {
                let _ = testing::ask(&HuggingFace, &[front, &tail].concat());
            }
        }

        #[test]
        fn odd_paths_are_harmless(tail in "(/|resolve|raw|blob|datasets|a){0,12}") {
            let _ = testing::ask(&HuggingFace, &["https://huggingface.co/", &tail].concat());
        }
    }
}

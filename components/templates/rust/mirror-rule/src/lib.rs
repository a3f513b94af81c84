//! Says where else the files of one host are.
//!
//! Which URLs the rule is asked about stands in `component.toml`; where their
//! copies are, here.

use turbo_component::{Answer, MirrorRule, Place, RuleError, RuleInfo, Url};

/// Who keeps copies. `http` serves those who asked for `http`.
const COPIES: &[Place] = &[Place::mirror("https://mirror.example").weight(80)];
const PLAIN_COPIES: &[Place] = &[Place::mirror("http://mirror.example").weight(80)];

/// The rule.
#[derive(Debug, Default)]
pub struct Rule;

impl MirrorRule for Rule {
    fn describe(&self) -> RuleInfo {
        turbo_component::rule_info!()
    }

    fn map_url(&self, url: &Url<'_>, _region: &str) -> Answer {
        if url.host != "downloads.example" {
            return Err(RuleError::NotMine);
        }
        if url.file().is_none() {
            return Err(RuleError::Refused(
                "this is a folder; ask for a file in it".to_owned(),
            ));
        }
        let copies = if url.scheme == "https" {
            COPIES
        } else {
            PLAIN_COPIES
        };
        Ok(Place::all(copies, url.path))
    }
}

turbo_component::export_mirror_rule!(Rule);

#[cfg(test)]
mod tests {
    use turbo_component::testing;

    use super::*;

    #[test]
    fn passes_its_own_examples() {
        testing::self_test(&Rule);
    }

    #[test]
    fn hostile_text_neither_panics_nor_slips_through() {
        for text in [
            "",
            "https://downloads.example/pub//",
            "http://downloads.example/pub/%00",
            "file:///etc/passwd",
        ] {
            let _ = testing::ask(&Rule, text);
        }
    }
}

//! A generator's settings: the user's table, flattened.

use crate::Findings;

/// Settings by name.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a>(&'a [(String, String)]);

impl<'a> Settings<'a> {
    /// Settings as the engine hands them over.
    pub fn new(pairs: &'a [(String, String)]) -> Self {
        Self(pairs)
    }

    /// A text, unless it is blank.
    pub fn text(&self, key: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// A switch.
    pub fn switch(&self, key: &str, default: bool, findings: &mut Findings) -> bool {
        match self.text(key) {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                findings.error("bad-setting", &format!("`{key}` is {other:?}"), "write true or false");
                default
            }
        }
    }

    /// One of several words; the first is the default.
    pub fn choice(&self, key: &str, words: &[&'a str], findings: &mut Findings) -> &'a str {
        let default = words.first().copied().unwrap_or_default();
        let Some(value) = self.text(key) else { return default };
        if let Some(word) = words.iter().find(|word| **word == value) {
            return word;
        }
        let suggestion = format!("write one of {}", words.join(", "));
        findings.error("bad-setting", &format!("`{key}` is {value:?}"), &suggestion);
        default
    }

    /// A list: a single value, or one under each position.
    pub fn list(&self, key: &str) -> Vec<&'a str> {
        let single = self.text(key).into_iter();
        single.chain(self.below(key).filter(|(rest, _)| is_position(rest)).map(|(_, value)| value)).collect()
    }

    /// A list of lists, or of single values.
    pub fn rows(&self, key: &str) -> Vec<Vec<&'a str>> {
        let mut rows: Vec<(&str, Vec<&str>)> = Vec::new();
        for (rest, value) in self.below(key) {
            let row = rest.split('.').next().unwrap_or_default();
            match rows.iter_mut().find(|(known, _)| *known == row) {
                Some((_, values)) => values.push(value),
                None => rows.push((row, vec![value])),
            }
        }
        rows.into_iter().map(|(_, values)| values).collect()
    }

    /// Finds the settings that nobody reads: misspelt ones, most often.
    pub fn expect(&self, known: &[&str], findings: &mut Findings) {
        for (name, _) in self.0 {
            let head = name.split('.').next().unwrap_or_default();
            if !known.contains(&head) {
                let suggestion = format!("the settings are {}", known.join(", "));
                findings.warn("unknown-setting", &format!("nothing reads the setting `{head}`"), &suggestion);
            }
        }
    }

    fn below(&self, key: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let key = key.to_owned();
        self.0.iter().filter_map(move |(name, value)| {
            let rest = name.strip_prefix(key.as_str())?.strip_prefix('.')?;
            let value = value.trim();
            (!value.is_empty()).then_some((rest, value))
        })
    }
}

fn is_position(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|letter| letter.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn lists_and_rows_are_put_together_again() {
        let pairs = pairs(&[("tags.0", "a"), ("tags.1", " b "), ("one", "c"), ("bin.0.0", "x.exe"), ("bin.0.1", "y")]);
        let settings = Settings::new(&pairs);
        assert_eq!(settings.list("tags"), ["a", "b"]);
        assert_eq!(settings.list("one"), ["c"]);
        assert_eq!(settings.rows("bin"), [["x.exe", "y"]]);
    }

    #[test]
    fn what_nobody_reads_is_told_once() {
        let pairs = pairs(&[("tgas.0", "a"), ("tgas.1", "b"), ("embed", "yes")]);
        let mut findings = Findings::default();
        let settings = Settings::new(&pairs);
        settings.expect(&["tags", "embed"], &mut findings);
        assert!(!settings.switch("embed", false, &mut findings));
        let codes: Vec<_> = findings.into_list().into_iter().map(|found| found.code).collect();
        assert_eq!(codes, ["unknown-setting", "bad-setting"]);
    }
}

//! The keys whose signatures count, and what the user calls them: one a line,
//! the name, then the key as minisign writes it.

use std::str::FromStr;

use super::lock_file::is_name;
use crate::model::excerpt::excerpt;
use crate::model::minisign::{KeyId, MinisignError, PublicKey};

/// Most keys of one file.
const MOST_KEYS: usize = 1_000;

const HEADER: &str = "# Keys whose signatures of components count: a name and a public key of minisign a line.\n";

/// The keys whose signatures count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedKeys(Vec<TrustedKey>);

/// A key whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// What the user calls it.
    pub name: String,
    /// The key.
    pub key: PublicKey,
}

/// Why a text is no list of keys, or a key cannot join one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustedKeysError {
    /// A line of another form.
    #[error("line {line}: {what}: `{text}`")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// What is wrong.
        what: String,
        /// The start of the line.
        text: String,
    },
    /// A name that cannot stand in the file.
    #[error("`{0}` is not a name of the form [a-z0-9-]{{1,64}}")]
    Name(String),
    /// A second key of one name.
    #[error("there is a key `{0}` already")]
    SameName(String),
    /// The same key again.
    #[error("this key is trusted already, as `{0}`")]
    SameKey(String),
    /// More keys than anybody trusts.
    #[error("it has more than {MOST_KEYS} keys")]
    TooMany,
}

impl FromStr for TrustedKeys {
    type Err = TrustedKeysError;

    fn from_str(text: &str) -> Result<Self, TrustedKeysError> {
        let mut keys = Self::default();
        for (line, content) in (1..).zip(text.lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let wrong = |what: String| TrustedKeysError::Line { line, what, text: excerpt(content) };
            let pair = content.split_once(char::is_whitespace);
            let (name, key) = pair.ok_or_else(|| wrong("a name and a key are wanted".into()))?;
            let key = key.trim().parse().map_err(|error: MinisignError| wrong(error.to_string()))?;
            keys.add(name, key).map_err(|error| match error {
                TrustedKeysError::TooMany => error,
                error => wrong(error.to_string()),
            })?;
        }
        Ok(keys)
    }
}

impl<'a> IntoIterator for &'a TrustedKeys {
    type Item = &'a TrustedKey;
    type IntoIter = std::slice::Iter<'a, TrustedKey>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl TrustedKeys {
    /// The keys, in their order.
    pub fn iter(&self) -> std::slice::Iter<'_, TrustedKey> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of an identifier.
    pub fn find(&self, id: KeyId) -> Option<&TrustedKey> {
        self.0.iter().find(|trusted| trusted.key.id() == id)
    }

    /// Adds a key.
    pub fn add(&mut self, name: &str, key: PublicKey) -> Result<(), TrustedKeysError> {
        if !is_name(name) {
            return Err(TrustedKeysError::Name(excerpt(name)));
        }
        if self.0.len() == MOST_KEYS {
            return Err(TrustedKeysError::TooMany);
        }
        if self.0.iter().any(|trusted| trusted.name == name) {
            return Err(TrustedKeysError::SameName(name.to_owned()));
        }
        // Two keys of one identifier could not be told apart by a signature.
        if let Some(same) = self.find(key.id()) {
            return Err(TrustedKeysError::SameKey(same.name.clone()));
        }
        self.0.push(TrustedKey { name: name.to_owned(), key });
        Ok(())
    }

    /// Takes a key out, if there is one of that name.
    pub fn remove(&mut self, name: &str) -> Option<TrustedKey> {
        let index = self.0.iter().position(|trusted| trusted.name == name)?;
        Some(self.0.remove(index))
    }

    /// The file's text.
    pub fn text(&self) -> String {
        let lines = self.0.iter().map(|TrustedKey { name, key }| format!("{name} {key}\n"));
        HEADER.to_owned() + &lines.collect::<String>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    #[test]
    fn what_is_written_reads_back() {
        let keys: TrustedKeys = format!("# mine\n\n  me   {KEY}  \n").parse().unwrap();
        assert_eq!(keys.text().parse(), Ok(keys.clone()));
        let key = keys.iter().next().unwrap();
        assert_eq!((key.name.as_str(), key.key.to_string().as_str()), ("me", KEY));
        assert_eq!(keys.find(key.key.id()), Some(key));
    }

    #[test]
    fn a_wrong_line_is_named() {
        for text in [
            "me".to_owned(),
            format!("me {KEY} more"),
            format!("Me {KEY}"),
            "me RWQ".to_owned(),
            format!("me {KEY}\nme {KEY}"),
            format!("me {KEY}\nyou {KEY}"),
        ] {
            let error = text.parse::<TrustedKeys>().expect_err(&text);
            assert!(error.to_string().starts_with(if text.contains('\n') { "line 2" } else { "line 1" }), "{error}");
        }
    }
}

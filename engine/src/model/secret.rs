//! Text that must not be shown.

use std::fmt;

use zeroize::Zeroizing;

/// A password or token. It has no `Display` and no serialisation, and its
/// `Debug` hides it: whoever needs the text has to say so. Its memory is wiped
/// when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

/// Shortest secret that is looked for in foreign text: a shorter one would be
/// found in every other word.
const LEAST_SCRUBBED_BYTES: usize = 4;

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Takes the secret out of a text that somebody else wrote, who may have
    /// repeated what was sent.
    pub fn scrub(&self, text: &str) -> String {
        if self.0.len() < LEAST_SCRUBBED_BYTES { text.to_owned() } else { text.replace(self.expose(), "[redacted]") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Some(Secret::new("pw"))), "Some([redacted])");
        assert_eq!(Secret::new("pw").expose(), "pw");
    }

    #[test]
    fn an_echo_is_silenced() {
        assert_eq!(Secret::new("s3cr3t").scrub("bad token s3cr3t!"), "bad token [redacted]!");
        assert_eq!(Secret::new("").scrub("as it is"), "as it is");
    }
}

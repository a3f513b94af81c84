//! Text that must not be shown.

use std::fmt;

/// A password or token. It has no `Display` and no serialisation, and its
/// `Debug` hides it: whoever needs the text has to say so.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
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
}

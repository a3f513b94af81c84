//! The package managers that this engine knows the rules of.

use std::fmt;
use std::str::FromStr;

/// A package manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Manager {
    /// The Windows Package Manager, by manifests in YAML.
    Winget,
    /// Scoop, by a manifest in JSON.
    Scoop,
    /// Chocolatey, by a nuspec and scripts.
    Chocolatey,
    /// Homebrew, by a formula or a cask in Ruby.
    Homebrew,
}

/// A name that no package manager has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no package manager: write winget, scoop, chocolatey or homebrew")]
pub struct UnknownManager(String);

impl Manager {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Winget, Self::Scoop, Self::Chocolatey, Self::Homebrew];

    /// The name in settings and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Winget => "winget",
            Self::Scoop => "scoop",
            Self::Chocolatey => "chocolatey",
            Self::Homebrew => "homebrew",
        }
    }
}

impl fmt::Display for Manager {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

impl FromStr for Manager {
    type Err = UnknownManager;

    fn from_str(name: &str) -> Result<Self, UnknownManager> {
        let found = Self::ALL.into_iter().find(|manager| manager.name() == name);
        found.ok_or_else(|| UnknownManager(crate::model::excerpt::excerpt(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back() {
        for manager in Manager::ALL {
            assert_eq!(manager.name().parse(), Ok(manager));
        }
        assert!("choco".parse::<Manager>().is_err());
    }
}

//! The worlds of the interface, as a component's exports tell them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a component is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// It says which URLs mirror which.
    MirrorRule,
    /// It turns a release into the manifests of one package manager.
    ManifestGenerator,
}

impl World {
    /// Every world of this engine.
    pub const ALL: [Self; 2] = [Self::MirrorRule, Self::ManifestGenerator];

    /// The interface that a component of the world exports, without a version.
    pub fn interface(self) -> &'static str {
        match self {
            Self::MirrorRule => "turbo:engine/mirror-rules",
            Self::ManifestGenerator => "turbo:engine/manifest",
        }
    }

    /// The name of the world, as WIT and `component.toml` have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::MirrorRule => "mirror-rule",
            Self::ManifestGenerator => "manifest-generator",
        }
    }

    /// Whether an export, with its version, is the world's.
    pub(super) fn is_exported_by(self, export: &str) -> bool {
        export.split_once('@').map_or(export, |(interface, _)| interface) == self.interface()
    }

    /// The world that exports belong to, in whatever version.
    pub(super) fn of<'a>(exports: impl IntoIterator<Item = &'a String>) -> Option<Self> {
        exports.into_iter().find_map(|export| Self::ALL.into_iter().find(|world| world.is_exported_by(export)))
    }
}

/// As a person would call a component of the world.
impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MirrorRule => "mirror rule",
            Self::ManifestGenerator => "manifest generator",
        })
    }
}

/// Whether an interface's version is of the 0.1 track. A pre-release is
/// compatible with nothing but itself.
pub(super) fn is_spoken(name: &str) -> bool {
    name.split_once("@0.1.")
        .is_some_and(|(_, patch)| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()))
}

//! What the files of one version have to agree on.

use super::super::report::{Place, Report};
use super::super::{folder_of, name_of};
use super::{Manifest, Role};
use crate::model::excerpt::excerpt;

/// Fields that are the same in every file.
const COMMON: [&str; 3] = ["PackageIdentifier", "PackageVersion", "ManifestVersion"];

/// Checks one file beside the others of its folder.
pub(super) fn check_file(manifest: &Manifest<'_>, all: &[Manifest<'_>], report: &mut Report<'_>) {
    let leader = all.iter().find(|other| other.role == Some(Role::Version)).or(all.first());
    for key in COMMON {
        let wanted = leader.and_then(|leader| leader.says(key));
        let (Some(node), Some(wanted)) = (manifest.root.get(key), wanted) else { continue };
        if node.text().is_some_and(|found| found != wanted) {
            let message = format!("the version file says `{}`", excerpt(wanted));
            report.error("disagreement", node, message).suggest(excerpt(wanted));
        }
    }
    check_locale(manifest, all, report);
    check_twice(manifest, all, report);
    check_name(manifest, report);
}

fn check_locale(manifest: &Manifest<'_>, all: &[Manifest<'_>], report: &mut Report<'_>) {
    let default = all.iter().find(|other| other.role == Some(Role::DefaultLocale));
    let default = default.and_then(|other| other.says("PackageLocale"));
    if let (Some(Role::Version), Some(node), Some(default)) =
        (manifest.role, manifest.root.get("DefaultLocale"), default)
        && node.text().is_some_and(|named| named != default)
    {
        let message = format!("the default locale file is for `{}`", excerpt(default));
        report.error("disagreement", node, message).suggest(excerpt(default));
    }
}

/// There is one file of each role, and one locale file for each locale.
fn check_twice(manifest: &Manifest<'_>, all: &[Manifest<'_>], report: &mut Report<'_>) {
    let before = all.iter().take_while(|other| other.path != manifest.path);
    let is_text = |role: Option<Role>| matches!(role, Some(Role::Locale | Role::DefaultLocale));
    let locale = |one: &Manifest<'_>| one.says("PackageLocale").map(str::to_ascii_lowercase);
    let twin = before.into_iter().find(|other| {
        let same_role = manifest.role.is_some() && manifest.role != Some(Role::Locale) && other.role == manifest.role;
        let same_locale = is_text(manifest.role) && is_text(other.role) && locale(other) == locale(manifest);
        same_role || same_locale
    });
    if let Some(twin) = twin {
        let message = format!("`{}` is for the same", excerpt(name_of(twin.path)));
        report.error("twice", Place::File, message).suggest("keep one of the two");
    }
}

/// The name says what is inside, and where the community repository has it.
fn check_name(manifest: &Manifest<'_>, report: &mut Report<'_>) {
    let (Some(role), Some(id)) = (manifest.role, manifest.says("PackageIdentifier")) else { return };
    let locale = manifest.says("PackageLocale");
    let wanted = match (role, locale) {
        (Role::Version, _) => format!("{id}.yaml"),
        (Role::Installer, _) => format!("{id}.installer.yaml"),
        (Role::DefaultLocale | Role::Locale, Some(locale)) => format!("{id}.locale.{locale}.yaml"),
        (Role::DefaultLocale | Role::Locale, None) => return,
    };
    if name_of(manifest.path) != wanted {
        report.error("file-name", Place::File, "the name does not fit the content").suggest(excerpt(&wanted));
    }
    let Some(version) = manifest.says("PackageVersion") else { return };
    let folders: Vec<&str> = folder_of(manifest.path).split('/').collect();
    let Some(start) = folders.iter().position(|folder| matches!(*folder, "manifests" | "fonts")) else { return };
    let first = id.chars().next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    let folder = format!("{}/{first}/{}/{version}", folders[start], id.replace('.', "/"));
    if folders[start..].join("/") != folder {
        report
            .error("path", Place::File, "the folder does not fit the identifier and the version")
            .suggest(excerpt(&folder));
    }
}

/// Reports files that a version cannot do without.
pub(super) fn check_missing(all: &[Manifest<'_>], report: &mut Report<'_>) {
    if all.iter().any(|manifest| manifest.role.is_none()) {
        return;
    }
    for role in [Role::Version, Role::Installer, Role::DefaultLocale] {
        if !all.iter().any(|manifest| manifest.role == Some(role)) {
            report.error(
                "missing-file",
                Place::File,
                format!("no file beside this one is of the type {}", role.name()),
            );
        }
    }
}

//! Licences by the SPDX list, and the five words that Scoop has besides.

use super::super::report::Report;
use super::super::tree::Node;
use crate::model::excerpt::excerpt;

/// What Scoop takes for software that no SPDX identifier fits.
const WORDS: [&str; 5] = ["Freeware", "Proprietary", "Public Domain", "Shareware", "Unknown"];

/// Reports identifiers that are in no list. Buckets have some, so that none is
/// an error.
pub(super) fn check(root: &Node, report: &mut Report<'_>) {
    let Some(node) = root.get("license") else { return };
    let node = node.get("identifier").unwrap_or(node);
    let Some(text) = node.text() else { return };
    // A bar separates what the user may choose of, a comma what all applies.
    for name in text.split(['|', ',']).map(str::trim).filter(|name| *name != "...") {
        if WORDS.contains(&name) || name.starts_with("LicenseRef-") {
            continue;
        }
        match spdx::license_id(name) {
            Some(id) if id.is_deprecated() => {
                let message = format!("the identifier `{}` is deprecated", excerpt(name));
                report.note("licence", node, message).suggest(format!("{0}-only or {0}-or-later", excerpt(name)));
            }
            Some(_) => {}
            None if spdx::Expression::parse(name).is_ok() => {}
            None => {
                let near = spdx::imprecise_license_id(name).map(|(id, _)| id.name);
                let message = format!("`{}` is not in the SPDX list", excerpt(name));
                let found = report.warning("licence", node, message);
                found.suggest(near.map_or_else(|| WORDS.join(", "), str::to_owned));
            }
        }
    }
}

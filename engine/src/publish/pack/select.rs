//! Which files of a folder are packed, and under which names.
//!
//! Without `<files>` all of them are, less what nobody means: packages, nuspecs
//! and what begins with a dot. A rule of `<files>` names paths below the folder
//! and nothing else: one that leads out of it is refused.

use std::collections::BTreeMap;

use super::{FileRule, Nuspec, PackError};
use crate::model::excerpt::excerpt;

/// A file of the folder, and its path in the package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Relative to the folder, separated by `/`.
    pub from: String,
    /// Relative to the package, separated by `/`.
    pub to: String,
}

/// Chooses among the files of a folder, which are named relative to it.
pub fn select(nuspec: &Nuspec, files: &[String]) -> Result<Vec<Source>, PackError> {
    let Some(rules) = &nuspec.files else {
        let meant = files.iter().filter(|path| is_meant(path));
        return Ok(meant.map(|path| Source { from: path.clone(), to: path.clone() }).collect());
    };
    let mut chosen = BTreeMap::new();
    for rule in rules {
        let pattern = confined(&rule.src)?;
        let excluded: Vec<String> = rule.exclude.iter().flat_map(|list| list.split(';')).map(slashed).collect();
        let is_open = pattern.contains('*');
        let matched: Vec<&String> = files
            .iter()
            .filter(|path| matches(&pattern, path) && (!is_open || is_meant(path)))
            .filter(|path| !excluded.iter().any(|pattern| matches(pattern, path)))
            .collect();
        if matched.is_empty() && !is_open {
            return Err(PackError::NoMatch(excerpt(&rule.src)));
        }
        for path in matched {
            let to = destination(rule, &pattern, path)?;
            chosen.insert(to.clone(), Source { from: path.clone(), to });
        }
    }
    Ok(chosen.into_values().collect())
}

/// Nobody packs packages into packages, nor what tools keep in hidden files.
fn is_meant(path: &str) -> bool {
    let is_hidden = path.split('/').any(|segment| segment.starts_with('.'));
    !is_hidden && !["nupkg", "nuspec"].contains(&super::path::extension(path).as_str())
}

fn slashed(path: &str) -> String {
    let path = path.trim().replace('\\', "/");
    path.strip_prefix("./").unwrap_or(&path).to_owned()
}

/// A path or pattern that stays in the folder.
fn confined(path: &str) -> Result<String, PackError> {
    let slashed = slashed(path);
    let leads_out = slashed.starts_with('/')
        || slashed.as_bytes().get(1) == Some(&b':')
        || slashed.split('/').any(|segment| segment == "..");
    if leads_out {
        return Err(PackError::Path { path: excerpt(path), why: "it leads out of the folder" });
    }
    Ok(slashed)
}

/// Where a file goes: behind the part of the pattern before its first star when
/// it has one, else to the target itself.
fn destination(rule: &FileRule, pattern: &str, path: &str) -> Result<String, PackError> {
    let Some(target) = &rule.target else { return Ok(path.to_owned()) };
    let target = confined(target)?;
    let target = target.trim_matches('/');
    let name = path.rsplit('/').next().unwrap_or(path);
    let rest = match pattern.split_once('*') {
        Some((before, _)) => &path[before.rfind('/').map_or(0, |at| at + 1)..],
        // `src="a.txt" target="b.txt"` renames; any other target is a folder.
        None if !target.is_empty()
            && super::path::extension(target) == super::path::extension(name)
            && target.contains('.') =>
        {
            return Ok(target.to_owned());
        }
        None => name,
    };
    Ok(if target.is_empty() { rest.to_owned() } else { format!("{target}/{rest}") })
}

/// `*` stands for any letters but `/`, `**` for any; letter case counts for
/// nothing, as on the systems that these patterns come from.
fn matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let path: Vec<char> = path.to_lowercase().chars().collect();
    // One row of the table "do the first p letters of the pattern match the
    // first t of the path" at a time: no pattern makes it slow.
    let mut row = vec![false; path.len() + 1];
    row[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let is_any = pattern[at..].starts_with(&['*', '*']);
        let mut next = vec![false; path.len() + 1];
        if pattern[at] == '*' {
            let mut reached = false;
            for end in 0..=path.len() {
                let crosses = end > 0 && path[end - 1] == '/' && !is_any;
                reached = row[end] || (reached && !crosses);
                next[end] = reached;
            }
            at += if is_any { 2 } else { 1 };
            // `**/x` is also `x`.
            if is_any && pattern.get(at) == Some(&'/') {
                for end in 0..=path.len() {
                    let starts = end == 0 || path[end - 1] == '/';
                    next[end] = (next[end] || row[end]) && starts;
                }
                at += 1;
            }
        } else {
            for end in 1..=path.len() {
                next[end] = row[end - 1] && path[end - 1] == pattern[at];
            }
            at += 1;
        }
        row = next;
    }
    row[path.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_what_they_do_elsewhere() {
        for (pattern, path, expected) in [
            ("tools/**", "tools/a/b.exe", true),
            ("tools/**", "tools/a", true),
            ("tools/**", "toolsa", false),
            ("tools/*", "tools/a/b.exe", false),
            ("tools/*.ps1", "Tools/A.PS1", true),
            ("**/*.txt", "a.txt", true),
            ("**/*.txt", "x/y/a.txt", true),
            ("**/a.txt", "x/ba.txt", false),
            ("a*c", "abbc", true),
            ("a", "a", true),
            ("a", "b", false),
            ("**", "x/y", true),
        ] {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }
}

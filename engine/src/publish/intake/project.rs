//! What a project says of itself: Cargo.toml, package.json, its licence, and
//! the remote of its git repository.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use toml::Value;

use super::{IntakeError, ReleaseTable, is_there, read_text};

/// Names that licences go by.
const LICENSES: [&str; 8] =
    ["LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENSE-MIT", "LICENSE-APACHE", "COPYING", "UNLICENSE"];

/// Folders above a member of a workspace that are looked through.
const PARENTS: usize = 6;

/// What the project in a folder says of itself; nothing, when there is none.
pub(super) fn read(folder: &Path) -> Result<ReleaseTable, IntakeError> {
    let cargo = folder.join("Cargo.toml");
    let mut table = if is_there(&cargo) { of_cargo(&cargo)? } else { ReleaseTable::default() };
    let package = folder.join("package.json");
    if is_there(&package) {
        table = table.or(of_package(&package, &read_text(&package)?)?);
    }
    table.source = table.source.or_else(|| remote(folder)).map(|url| web_url(&url));
    let beside = LICENSES.iter().map(|name| folder.join(name)).find(|path| is_there(path));
    table.license_file = table.license_file.map(|path| folder.join(path)).filter(|path| is_there(path)).or(beside);
    Ok(table)
}

fn of_cargo(path: &Path) -> Result<ReleaseTable, IntakeError> {
    let manifest = toml_text(path, &read_text(path)?)?;
    let workspace = workspace(path, &manifest)?;
    Ok(of_manifest(&manifest, workspace.as_ref()))
}

/// What a Cargo.toml says, and the one that has its workspace.
pub(super) fn of_manifest(manifest: &Value, workspace: Option<&Value>) -> ReleaseTable {
    let package = manifest.get("package");
    let inherited = |key: &str| workspace?.get("workspace")?.get("package")?.get(key).cloned();
    let field = |key: &str| match package.and_then(|package| package.get(key)) {
        Some(Value::Table(table)) if table.contains_key("workspace") => inherited(key),
        Some(value) => Some(value.clone()),
        // A workspace without a package of its own speaks for its members.
        None if package.is_none() => inherited(key),
        None => None,
    };
    let text = |key: &str| field(key)?.as_str().map(str::to_owned);
    let list = |key: &str| -> Vec<String> {
        let values = field(key).and_then(|value| value.as_array().cloned()).unwrap_or_default();
        values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
    };
    ReleaseTable {
        name: text("name"),
        version: text("version"),
        authors: list("authors").iter().map(|author| without_mail(author)).collect(),
        homepage: text("homepage"),
        source: text("repository"),
        docs: text("documentation"),
        license: text("license"),
        license_file: text("license-file").map(PathBuf::from),
        summary: text("description"),
        tags: list("keywords"),
        ..ReleaseTable::default()
    }
}

/// The manifest with the workspace's package: this one, or one above it.
fn workspace(path: &Path, manifest: &Value) -> Result<Option<Value>, IntakeError> {
    if manifest.get("workspace").is_some() {
        return Ok(Some(manifest.clone()));
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for folder in absolute.ancestors().skip(2).take(PARENTS) {
        let above = folder.join("Cargo.toml");
        if is_there(&above) {
            let manifest = toml_text(&above, &read_text(&above)?)?;
            if manifest.get("workspace").is_some() {
                return Ok(Some(manifest));
            }
        }
    }
    Ok(None)
}

/// Reads the text of a file in TOML.
pub(super) fn toml_text(path: &Path, text: &str) -> Result<Value, IntakeError> {
    let table: Result<toml::Table, _> = text.parse();
    table.map(Value::Table).map_err(|error: toml::de::Error| IntakeError::format(path, error.to_string().trim_end()))
}

/// What the text of a package.json says.
pub(super) fn of_package(path: &Path, text: &str) -> Result<ReleaseTable, IntakeError> {
    let package: Json = serde_json::from_str(text).map_err(|error| IntakeError::format(path, &error.to_string()))?;
    let text = |key: &str| package.get(key).and_then(Json::as_str).map(str::to_owned);
    // Many fields are a text, or an object that has it under a name of its own.
    let either = |key: &str, inner: &str| {
        let value = package.get(key)?;
        value.as_str().or_else(|| value.get(inner)?.as_str()).map(str::to_owned)
    };
    let tags = package.get("keywords").and_then(Json::as_array).into_iter().flatten();
    Ok(ReleaseTable {
        // Of `@scope/name` the name.
        name: text("name").map(|name| name.rsplit('/').next().unwrap_or_default().to_owned()),
        version: text("version"),
        authors: either("author", "name").iter().map(|author| without_mail(author)).collect(),
        homepage: text("homepage"),
        source: either("repository", "url"),
        bugs: either("bugs", "url").filter(|url| url.starts_with("http")),
        license: either("license", "type"),
        summary: text("description"),
        tags: tags.filter_map(Json::as_str).map(str::to_owned).collect(),
        ..ReleaseTable::default()
    })
}

/// `Name <mail> (page)` without what is nobody's business.
fn without_mail(author: &str) -> String {
    author.split(['<', '(']).next().unwrap_or_default().trim().to_owned()
}

/// The URL of `origin` in the repository that a folder belongs to.
fn remote(folder: &Path) -> Option<String> {
    let absolute = std::path::absolute(folder).ok()?;
    let git = absolute
        .ancestors()
        .take(PARENTS)
        .map(|folder| folder.join(".git"))
        .find(|git| is_there(git) || is_there(&git.join("config")))?;
    let config = if is_there(&git) { config_of_worktree(&git)? } else { git.join("config") };
    origin(&read_text(&config).ok()?)
}

/// The URL of `origin` in the configuration of a repository.
pub(super) fn origin(config: &str) -> Option<String> {
    let section = config.split_once("[remote \"origin\"]")?.1;
    let lines = section.lines().take_while(|line| !line.starts_with('['));
    let url = lines.filter_map(|line| line.split_once('=')).find(|(key, _)| key.trim() == "url")?.1;
    Some(url.trim().to_owned())
}

/// A worktree has a file in the place of the folder.
fn config_of_worktree(git: &Path) -> Option<PathBuf> {
    let folder = PathBuf::from(read_text(git).ok()?.trim().strip_prefix("gitdir:")?.trim());
    let common = read_text(&folder.join("commondir")).ok()?;
    Some(folder.join(common.trim()).join("config"))
}

/// The page of a repository, however its URL is written.
pub(super) fn web_url(url: &str) -> String {
    let url = url.trim().trim_start_matches("git+").trim_end_matches('/').trim_end_matches(".git");
    if let Some(path) = url.strip_prefix("github:") {
        return format!("https://github.com/{path}");
    }
    if let Some((host, path)) = url.strip_prefix("git@").and_then(|rest| rest.split_once(':')) {
        return format!("https://{host}/{path}");
    }
    for scheme in ["ssh://git@", "git://"] {
        if let Some(rest) = url.strip_prefix(scheme) {
            return format!("https://{rest}");
        }
    }
    url.to_owned()
}

/// Owner and name of a repository on GitHub.
pub(super) fn on_github(source: &str) -> Option<(&str, &str)> {
    let (owner, name) = source.strip_prefix("https://github.com/")?.trim_end_matches('/').split_once('/')?;
    (!owner.is_empty() && !name.is_empty() && !name.contains('/')).then_some((owner, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_have_one_page() {
        for written in [
            "https://github.com/o/r",
            "https://github.com/o/r.git",
            "git+https://github.com/o/r.git",
            "git@github.com:o/r.git",
            "ssh://git@github.com/o/r.git",
            "git://github.com/o/r",
            "github:o/r",
        ] {
            assert_eq!(web_url(written), "https://github.com/o/r", "{written}");
        }
        assert_eq!(on_github("https://github.com/o/r"), Some(("o", "r")));
        assert_eq!(on_github("https://gitlab.com/o/r"), None);
        assert_eq!(without_mail("Ann Author <ann@a.example> (https://a.example)"), "Ann Author");
    }
}

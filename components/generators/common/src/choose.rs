//! Which files of a release a manager is told of, and what is in them.

use turbo_component::manifest::{Artifact, Release};

use crate::{Findings, Settings, web};

/// A program inside an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Its path in the archive, or the file's own name.
    pub path: String,
    /// The path below the leading folder that all entries share.
    pub inner: String,
    /// What it is called by: the file's name without `.exe`.
    pub command: String,
}

/// The artifacts for an operating system, those alone that the setting
/// `artifacts` names by id or file name, if it does. One that the public
/// cannot fetch or check is an error.
pub fn artifacts<'a>(
    release: &'a Release,
    os: &[&str],
    settings: Settings<'_>,
    findings: &mut Findings,
) -> Vec<&'a Artifact> {
    let named = settings.list("artifacts");
    let is_named = |artifact: &&Artifact| {
        named.is_empty() || named.iter().any(|name| artifact.id == *name || artifact.file_name == *name)
    };
    for name in &named {
        if !release.artifacts.iter().any(|artifact| artifact.id == *name || artifact.file_name == *name) {
            findings.error("no-such-artifact", &format!("the release has no artifact {name:?}"), "correct `artifacts`");
        }
    }
    let found = release.artifacts.iter().filter(|artifact| os.contains(&artifact.os.as_str())).filter(is_named);
    found.filter(|artifact| !is_companion(artifact)).collect()
}

/// Whether the public can fetch and check an artifact; the findings say why not.
pub fn is_public(artifact: &Artifact, findings: &mut Findings) -> bool {
    let name = &artifact.file_name;
    if !web::is_link(&artifact.url) {
        findings.error("bad-url", &format!("{name}: {:?} is no URL that a manifest can hold", artifact.url), "");
        return false;
    }
    if !artifact.url.starts_with("https://") {
        let message = format!("{name} is fetched without encryption, from {}", artifact.url);
        findings.error("not-https", &message, "publish it under an https URL");
        return false;
    }
    if sha256(artifact).is_none() {
        findings.error("no-digest", &format!("{name} has no SHA-256"), "let the engine compute it from the file");
        return false;
    }
    true
}

/// SHA-256 of an artifact in lower-case hexadecimal.
pub fn sha256(artifact: &Artifact) -> Option<String> {
    artifact.sha256().filter(|hex| hex.len() == 64)
}

/// One artifact for each processor: that of the lowest rank, the first of
/// equals. What has no rank is left out. Ordered as `arches`.
pub fn best<'a>(
    artifacts: &[&'a Artifact],
    arches: &[&str],
    rank: impl Fn(&Artifact) -> Option<u32>,
) -> Vec<&'a Artifact> {
    let of = |arch: &str| {
        let ranked = artifacts.iter().filter(|artifact| artifact.arch == arch);
        ranked.filter_map(|artifact| Some((rank(artifact)?, *artifact))).min_by_key(|(rank, _)| *rank)
    };
    arches.iter().filter_map(|arch| of(arch)).map(|(_, artifact)| artifact).collect()
}

/// What an artifact is for an installer: its format, for an executable the
/// technology of its installer.
pub fn kind(artifact: &Artifact) -> String {
    let format = artifact.format.to_ascii_lowercase();
    let technology = technology(artifact);
    match (format.as_str(), technology.as_deref()) {
        ("exe" | "" | "binary" | "raw" | "none", Some(technology)) => technology.to_owned(),
        ("msi", Some("wix")) => "wix".to_owned(),
        ("tgz", _) => "tar.gz".to_owned(),
        ("txz", _) => "tar.xz".to_owned(),
        ("msixbundle" | "appxbundle", _) => format.trim_end_matches("bundle").to_owned(),
        _ => format,
    }
}

/// The installer technology, in lower case, unless it only repeats the format.
pub fn technology(artifact: &Artifact) -> Option<String> {
    let technology = artifact.installer_type.as_deref()?.trim().to_ascii_lowercase();
    (!technology.is_empty() && technology != "zip").then_some(technology)
}

/// The programs in an artifact that has some: what the release names, else the
/// executables of the listing that match `is_program`.
pub fn programs(artifact: &Artifact, is_program: impl Fn(&str) -> bool, findings: &mut Findings) -> Vec<Program> {
    let mut paths: Vec<String> = artifact.binaries.iter().map(|binary| in_archive(artifact, binary)).collect();
    if paths.is_empty() {
        let found = artifact.entries.iter().map(|entry| entry.path.as_str()).filter(|path| is_program(path));
        paths = found.map(str::to_owned).collect();
    }
    let mut programs: Vec<Program> = Vec::new();
    for path in paths {
        if !is_below(&path) {
            let message = format!("{}: {path:?} leaves the archive", artifact.file_name);
            findings.error("bad-path", &message, "name a path inside it");
        } else if !artifact.entries.is_empty() && !artifact.entries.iter().any(|entry| entry.path == path) {
            let message = format!("{} has no {path:?}", artifact.file_name);
            findings.error("no-such-file", &message, "correct the binaries of the artifact");
        } else if !programs.iter().any(|known| known.path.eq_ignore_ascii_case(&path)) {
            programs.push(program(artifact, path));
        }
    }
    programs
}

/// What a program is called by.
pub fn command(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_exe =
        name.len() > 4 && name.is_char_boundary(name.len() - 4) && name[name.len() - 4..].eq_ignore_ascii_case(".exe");
    if is_exe { &name[..name.len() - 4] } else { name }
}

/// Whether a path ends as a Windows program does.
pub fn is_exe(path: &str) -> bool {
    command(path).len() < path.rsplit('/').next().unwrap_or(path).len()
}

/// A path as Windows writes it.
pub fn backslashed(path: &str) -> String {
    path.replace('/', "\\")
}

/// The leading folder that all entries share, without slashes at its ends.
pub fn prefix(artifact: &Artifact) -> Option<&str> {
    artifact.strip_prefix.as_deref().map(|prefix| prefix.trim_matches('/')).filter(|prefix| !prefix.is_empty())
}

fn program(artifact: &Artifact, path: String) -> Program {
    let below = prefix(artifact).and_then(|prefix| path.strip_prefix(prefix)?.strip_prefix('/'));
    let inner = below.unwrap_or(&path).to_owned();
    let command = command(&path).to_owned();
    Program { path, inner, command }
}

/// A release may name a program with the leading folder or without it.
fn in_archive(artifact: &Artifact, binary: &str) -> String {
    let binary = binary.trim().replace('\\', "/");
    let binary = binary.trim_start_matches("./").to_owned();
    let is_entry = |path: &str| artifact.entries.iter().any(|entry| entry.path == path);
    let Some(prefix) = prefix(artifact) else { return binary };
    let has_prefix = binary.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'));
    if is_entry(&binary) || (artifact.entries.is_empty() && has_prefix) {
        return binary;
    }
    format!("{prefix}/{binary}")
}

fn is_below(path: &str) -> bool {
    !path.contains([':', '\\', '\0']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Checksums, signatures and the like, which stand beside an artifact.
fn is_companion(artifact: &Artifact) -> bool {
    let name = artifact.file_name.to_ascii_lowercase();
    let ends = [".sha256", ".sha512", ".sha1", ".md5", ".asc", ".sig", ".minisig", ".pem", ".sbom", ".json", ".txt"];
    ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use turbo_component::manifest::Entry;
    use turbo_component::testing;

    use super::*;

    fn artifact(prefix: Option<&str>, binaries: &[&str], entries: &[&str]) -> Artifact {
        let mut artifact = testing::release("tool", "1.0.0").artifacts.remove(0);
        artifact.strip_prefix = prefix.map(str::to_owned);
        artifact.binaries = binaries.iter().map(|path| (*path).to_owned()).collect();
        let entry = |path: &&str| Entry { path: (*path).to_owned(), size: 1, executable: true };
        artifact.entries = entries.iter().map(entry).collect();
        artifact
    }

    fn paths(artifact: &Artifact) -> (Vec<String>, bool) {
        let mut findings = Findings::default();
        let programs = programs(artifact, is_exe, &mut findings);
        (
            programs.into_iter().map(|program| format!("{}|{}", program.path, program.inner)).collect(),
            findings.is_fatal(),
        )
    }

    #[test]
    fn programs_are_found_with_and_without_the_leading_folder() {
        let listed = ["tool-1/tool.exe", "tool-1/doc.txt"];
        for binary in ["tool.exe", "tool-1/tool.exe", ".\\tool.exe"] {
            let artifact = artifact(Some("tool-1"), &[binary], &listed);
            assert_eq!(paths(&artifact), (vec!["tool-1/tool.exe|tool.exe".to_owned()], false), "{binary}");
        }
        let unlisted = artifact(Some("tool-1/"), &["bin/tool.exe"], &[]);
        assert_eq!(paths(&unlisted).0, ["tool-1/bin/tool.exe|bin/tool.exe"]);
        assert_eq!(paths(&artifact(None, &[], &listed)).0, ["tool-1/tool.exe|tool-1/tool.exe"]);
    }

    #[test]
    fn what_is_not_in_the_archive_is_told() {
        assert!(paths(&artifact(None, &["other.exe"], &["tool.exe"])).1);
        assert!(paths(&artifact(None, &["../tool.exe"], &[])).1);
        assert!(paths(&artifact(None, &["C:\\tool.exe"], &[])).1);
    }
}

//! Which file a system and a processor get.

use generator_common::{Findings, choose};
use turbo_component::manifest::Artifact;

use crate::package::Package;

/// The file of a system and a processor.
pub struct Platform<'a> {
    /// `macos` or `linux`.
    pub os: &'static str,
    /// `arm`, `intel`; empty for both.
    pub cpu: &'static str,
    /// The file.
    pub artifact: &'a Artifact,
}

/// One file for each system and processor that has one.
pub fn of<'a>(
    package: &Package<'a>,
    is_usable: impl Fn(&Artifact) -> bool,
    findings: &mut Findings,
) -> Vec<Platform<'a>> {
    let libc = package.settings.choice("libc", &["musl", "gnu"], findings);
    let rank = |artifact: &Artifact| {
        if !is_usable(artifact) {
            return None;
        }
        // What is linked statically runs on every Linux.
        let is_liked = artifact.libc.as_deref().is_none_or(|own| own == libc);
        let of_format = match choose::kind(artifact).as_str() {
            "tar.gz" => 0,
            "tar.xz" => 1,
            "zip" => 2,
            _ => 3,
        };
        Some(of_format + if is_liked { 0 } else { 10 })
    };
    let mut platforms = Vec::new();
    for os in ["macos", "linux"] {
        let of_os: Vec<&Artifact> = package.artifacts.iter().copied().filter(|artifact| artifact.os == os).collect();
        let cpus = [("arm64", "arm"), ("x64", "intel")];
        let before = platforms.len();
        for (arch, cpu) in cpus {
            if let Some(artifact) = choose::best(&of_os, &[arch], rank).first() {
                platforms.push(Platform { os, cpu, artifact });
            }
        }
        if let Some(artifact) = choose::best(&of_os, &["neutral"], rank).first().filter(|_| platforms.len() == before) {
            platforms.push(Platform { os, cpu: "", artifact });
        }
    }
    for artifact in &package.artifacts {
        if !platforms.iter().any(|platform| platform.artifact.id == artifact.id) {
            let message = format!("{} is left out", artifact.file_name);
            findings.note("brew-left-out", &message, "name the files to publish with `artifacts`");
        }
    }
    platforms.retain(|platform| choose::is_public(platform.artifact, findings));
    platforms
}

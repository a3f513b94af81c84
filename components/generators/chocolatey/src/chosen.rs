//! Which files a package installs, and how.

use generator_common::choose::{self, Program};
use generator_common::{Findings, text};
use turbo_component::manifest::Artifact;

use crate::package::Package;

/// How a file is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Unpacked.
    Zip,
    /// Kept as it is; Chocolatey makes the command.
    Portable,
    /// Run, as an `exe` or `msi`.
    Run(&'static str),
}

/// What is installed: on 64 bits, on 32 bits, or one file for both.
pub struct Chosen<'a> {
    /// How.
    pub way: Way,
    /// `zip`, `portable`, `msi`, `wix`, `inno`, `nullsoft`, `burn`, `exe`.
    pub kind: String,
    /// For 32 bits, or for all.
    pub any: Option<&'a Artifact>,
    /// For 64 bits.
    pub x64: Option<&'a Artifact>,
    /// Programs in the archive.
    pub programs: Vec<Program>,
}

/// What there is to choose from, in the order of preference.
const KINDS: [&str; 8] = ["zip", "portable", "msi", "wix", "inno", "nullsoft", "burn", "exe"];

impl<'a> Chosen<'a> {
    /// Chooses; the findings say why there is nothing, and what is left out.
    pub fn of(package: &Package<'a>, findings: &mut Findings) -> Option<Self> {
        let artifacts = choose::artifacts(package.release, &["windows"], package.settings, findings);
        let preferred = package.settings.list("prefer");
        if let Some(bad) = preferred.iter().find(|kind| !KINDS.contains(kind)) {
            findings.error(
                "bad-setting",
                &format!("`prefer` names {bad:?}"),
                &format!("the kinds are {}", KINDS.join(", ")),
            );
        }
        let order: Vec<&str> = preferred.iter().copied().chain(KINDS).collect();
        let place = |artifact: &Artifact| {
            let kind = choose::kind(artifact);
            let is_plain = kind != "zip" || choose::technology(artifact).is_none_or(|inside| inside == "portable");
            order.iter().position(|known| *known == kind && is_plain).and_then(|at| u32::try_from(at).ok())
        };
        let arches = ["x64", "x86", "neutral"];
        let best = choose::best(&artifacts, &arches, |artifact| {
            let libc = u32::from(matches!(artifact.libc.as_deref(), Some("gnu" | "musl")));
            place(artifact).map(|place| place * 2 + libc)
        });
        let of = |arch: &str| best.iter().copied().find(|artifact| artifact.arch == arch);
        let x64 = of("x64");
        let lead = x64.or(of("x86")).or(of("neutral"));
        let Some(lead) = lead else {
            let suggestion = "publish a zip, a portable .exe or an installer for Windows";
            findings.error("choco-no-artifact", "the release has nothing that Chocolatey installs", suggestion);
            return None;
        };
        let kind = choose::kind(lead);
        let any =
            of("x86").or(of("neutral").filter(|_| x64.is_none())).filter(|artifact| choose::kind(artifact) == kind);
        for artifact in &artifacts {
            let is_used = [any, x64].into_iter().flatten().any(|used| used.id == artifact.id);
            if !is_used {
                findings.note("choco-left-out", &format!("{} is left out", artifact.file_name), left_out(artifact));
            }
        }
        let is_public = [any, x64].into_iter().flatten().all(|artifact| choose::is_public(artifact, findings));
        let programs = if kind == "zip" { choose::programs(lead, choose::is_exe, findings) } else { Vec::new() };
        if kind == "zip" && programs.is_empty() {
            let message = format!("nobody knows which file of {} is the program", lead.file_name);
            findings.warn(
                "choco-no-binary",
                &message,
                "name it in the artifact's `binaries`: every .exe becomes a command",
            );
        }
        let way = way(&kind);
        (is_public && !findings.is_fatal()).then_some(Self { way, kind, any, x64, programs })
    }

    /// The artifacts, 32 bits first.
    pub fn artifacts(&self) -> impl Iterator<Item = &'a Artifact> {
        [self.any, self.x64].into_iter().flatten()
    }

    /// Where in the package the engine has to put which artifact.
    pub fn embedded(&self) -> Vec<(String, String)> {
        self.artifacts().map(|artifact| (format!("embed:tools/{}", artifact.file_name), artifact.id.clone())).collect()
    }

    /// Arguments that keep an installer from asking.
    pub fn silent_args(&self, package: &Package<'_>, findings: &mut Findings) -> String {
        if let Some(args) = package.settings.text("silent-args") {
            return text::line(args);
        }
        let args = match self.kind.as_str() {
            "msi" | "wix" => "/qn /norestart",
            "inno" => "/VERYSILENT /SUPPRESSMSGBOXES /NORESTART /SP-",
            "nullsoft" => "/S",
            "burn" => "/quiet /norestart",
            _ => {
                let message = "nobody knows how to run the installer without questions";
                findings.error("choco-silent-args", message, "set `silent-args`, or the artifact's installer type");
                ""
            }
        };
        args.to_owned()
    }
}

fn way(kind: &str) -> Way {
    match kind {
        "zip" => Way::Zip,
        "portable" => Way::Portable,
        "msi" | "wix" => Way::Run("msi"),
        _ => Way::Run("exe"),
    }
}

fn left_out(artifact: &Artifact) -> &'static str {
    match artifact.arch.as_str() {
        "arm64" | "arm" => "Chocolatey knows 32 and 64 bits of Intel only",
        _ => "choose with `prefer` or `artifacts`",
    }
}

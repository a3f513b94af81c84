//! A cask that installs an application for macOS.

use generator_common::{Findings, choose, text};
use turbo_component::manifest::{Artifact, setting};

use crate::keep;
use crate::package::{Package, app_of, is_application};
use crate::platform::{self, Platform};
use crate::ruby::{Lines, list, quoted};

/// Writes the cask. `old` is the one that stands in the tap.
pub fn write(package: &Package<'_>, old: Option<&str>, findings: &mut Findings) -> String {
    let platforms = platform::of(package, is_application, findings);
    let Some(first) = platforms.first() else {
        if !findings.is_fatal() {
            let suggestion = "publish a .dmg, a .pkg or a zip with an application for macOS";
            findings.error("brew-no-artifact", "the release has nothing that a cask installs", suggestion);
        }
        return String::new();
    };
    let mut lines = Lines::default();
    lines.block(&format!("cask {} do", quoted(&package.name)), |lines| {
        lines.put(&format!("version {}", quoted(&package.version)));
        downloads(&platforms, lines);
        lines.gap();
        head(package, lines, findings);
        livecheck(package, old, lines, findings);
        requirements(package, &platforms, lines, findings);
        lines.gap();
        content(package, first.artifact, lines, findings);
        rest(package, old, lines);
    });
    lines.into_text()
}

fn downloads(platforms: &[Platform<'_>], lines: &mut Lines) {
    let one = |artifact: &Artifact, lines: &mut Lines| {
        lines.put(&format!("sha256 {}", quoted(&choose::sha256(artifact).unwrap_or_default())));
        lines.gap();
        lines.put(&format!("url {}", quoted(&artifact.url)));
    };
    if let [only] = platforms {
        one(only.artifact, lines);
        return;
    }
    lines.gap();
    for platform in platforms {
        lines.block(&format!("on_{} do", platform.cpu), |lines| one(platform.artifact, lines));
    }
}

fn head(package: &Package<'_>, lines: &mut Lines, findings: &mut Findings) {
    let name = package.release.default_texts().map(|texts| text::line(&texts.name)).filter(|name| !name.is_empty());
    lines.put(&format!("name {}", quoted(&name.unwrap_or_else(|| text::line(&package.release.name)))));
    if let Some(desc) = package.desc(findings) {
        lines.put(&format!("desc {}", quoted(&desc)));
    }
    lines.put(&format!("homepage {}", quoted(&package.homepage(findings))));
}

fn livecheck(package: &Package<'_>, old: Option<&str>, lines: &mut Lines, findings: &mut Findings) {
    let is_wanted = package.settings.switch("livecheck", true, findings);
    if let Some(kept) = keep::block(old, "livecheck do") {
        lines.gap();
        lines.raw(&kept);
    } else if is_wanted && package.is_on_github() {
        lines.gap();
        lines.block("livecheck do", |lines| {
            lines.put("url :url");
            lines.put("strategy :github_latest");
        });
    }
}

fn requirements(package: &Package<'_>, platforms: &[Platform<'_>], lines: &mut Lines, findings: &mut Findings) {
    lines.gap();
    if let Some(macos) = package.settings.text("macos") {
        let is_word = macos.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        if is_word {
            lines.put(&format!("depends_on macos: \">= :{macos}\""));
        } else {
            findings.error("bad-setting", &format!("`macos` is {macos:?}"), "write a name like big_sur");
        }
    }
    if let [only] = platforms {
        match only.cpu {
            "arm" => lines.put("depends_on arch: :arm64"),
            "intel" => lines.put("depends_on arch: :x86_64"),
            _ => {}
        }
    }
}

fn content(package: &Package<'_>, artifact: &Artifact, lines: &mut Lines, findings: &mut Findings) {
    if choose::kind(artifact) == "pkg" {
        lines.put(&format!("pkg {}", quoted(&artifact.file_name)));
        let receipts: Vec<String> = package.settings.list("pkgutil").into_iter().map(str::to_owned).collect();
        if receipts.is_empty() {
            let message = "a package that is installed has to be removable";
            findings.error("brew-pkgutil", message, "set `pkgutil` to the identifiers that `pkgutil --pkgs` shows");
        } else {
            lines.gap();
            lines.put(&format!(
                "uninstall pkgutil: {}",
                if receipts.len() == 1 { quoted(&receipts[0]) } else { list(&receipts) }
            ));
        }
        return;
    }
    let told = package.settings.text("app").or(setting(&artifact.extra, "app")).or(app_of(artifact));
    let app = told.map_or_else(
        || {
            let name =
                package.release.default_texts().map_or(package.release.name.as_str(), |texts| texts.name.as_str());
            let app = format!("{}.app", text::line(name));
            let message = format!("nobody knows what is in {}; it is taken to be {app}", artifact.file_name);
            findings.warn("brew-app", &message, "set `app`");
            app
        },
        str::to_owned,
    );
    if app.strip_suffix(".app").is_none() {
        findings.error("brew-app", &format!("{app:?} is no application"), "set `app` to a name that ends in .app");
    }
    lines.put(&format!("app {}", quoted(&app)));
}

fn rest(package: &Package<'_>, old: Option<&str>, lines: &mut Lines) {
    let zap: Vec<String> = package.settings.list("zap").into_iter().map(str::to_owned).collect();
    if !zap.is_empty() {
        lines.gap();
        lines.put(&format!("zap trash: {}", if zap.len() == 1 { quoted(&zap[0]) } else { list(&zap) }));
    } else if let Some(kept) = keep::block(old, "zap") {
        lines.gap();
        lines.raw(&kept);
    }
    if let Some(kept) = keep::block(old, "caveats do") {
        lines.gap();
        lines.raw(&kept);
    } else if let Some(caveats) = package.settings.text("caveats") {
        lines.gap();
        lines.put(&format!("caveats {}", quoted(&text::paragraphs(caveats))));
    }
}

//! What the generator demands of a package, its own or one made by hand.

use generator_common::{markup, text};
use turbo_component::manifest::{Delivery, Diagnostic, Nupkg};

use crate::version;

/// Checks a package: the nuspec's fields, and the scripts.
pub fn delivery(delivery: &Delivery) -> Vec<Diagnostic> {
    let Delivery::Nupkg(package) = delivery else {
        return vec![Diagnostic::error("choco-delivery", "a package is pushed to a feed")];
    };
    let mut found = Vec::new();
    nuspec(package, &mut found);
    scripts(package, &mut found);
    found
}

fn nuspec(package: &Nupkg, found: &mut Vec<Diagnostic>) {
    let field = |name: &str| markup::element(&package.nuspec, name).unwrap_or_default();
    let mut wrong = |code: &str, message: &str| found.push(Diagnostic::error(code, message));
    for name in ["id", "version", "authors", "description"] {
        if field(name).is_empty() {
            wrong("choco-required", &format!("a nuspec has an element `{name}`"));
        }
    }
    let given = field("version");
    if !given.is_empty() && version::normalise(&given).is_none_or(|found| found.version != given) {
        wrong("choco-version", &format!("the gallery refuses the version {given:?}: it is not normalised"));
    }
    if !package.nuspec.contains("http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd") {
        wrong("choco-namespace", "old clients read the namespace of 2010/07 only");
    }
    if field("description").chars().count() > 4000 {
        wrong("choco-description", "a description has at most 4000 characters (CPMR0026)");
    }
    if field("tags").contains(',') {
        wrong("choco-tags", "tags are separated by blanks (CPMR0014)");
    }
    if field("authors").split(' ').any(text::is_address) {
        wrong("choco-authors", "authors have no mail address (CPMR0020)");
    }
}

fn scripts(package: &Nupkg, found: &mut Vec<Diagnostic>) {
    let script = package.files.iter().find(|file| file.path.eq_ignore_ascii_case("tools/chocolateyInstall.ps1"));
    let Some(script) = script else {
        found.push(Diagnostic::warning(
            "choco-no-script",
            "the package installs nothing: it has no chocolateyInstall.ps1",
        ));
        return;
    };
    let content = String::from_utf8_lossy(&script.content);
    let mut wrong = |code: &str, message: &str| found.push(Diagnostic::error(code, message).in_file(&script.path));
    let count = |name: &str| {
        let names = content.lines().filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()));
        names.filter(|found| found.eq_ignore_ascii_case(name)).count()
    };
    for (url, checksum) in [("url", "checksum"), ("url64bit", "checksum64")] {
        if count(url) > count(checksum) {
            wrong("choco-checksum", "what is downloaded has a checksum (CPMR0073)");
        }
    }
    if content.contains("'http://") {
        wrong("choco-https", "files are downloaded over https");
    }
    let embeds = content.contains("Get-ChocolateyUnzip") || content.contains("Install-ChocolateyInstallPackage");
    let has = |name: &str| package.files.iter().any(|file| file.path.eq_ignore_ascii_case(name));
    if embeds && !(has("tools/VERIFICATION.txt") && has("tools/LICENSE.txt")) {
        wrong(
            "choco-verification",
            "a package with programs has VERIFICATION.txt and LICENSE.txt (CPMR0005, CPMR0006)",
        );
    }
}

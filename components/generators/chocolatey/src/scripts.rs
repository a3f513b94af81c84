//! The files beside the nuspec: scripts, and what an embedded program needs.

use std::fmt::Write as _;

use generator_common::{Findings, choose, text};
use turbo_component::manifest::{Artifact, OutputFile};

use crate::chosen::{Chosen, Way};
use crate::package::Package;

const HEAD: &str =
    "$ErrorActionPreference = 'Stop'\n$toolsDir = Split-Path -Parent $MyInvocation.MyCommand.Definition\n\n";

/// Every file of the package but the embedded ones.
pub fn files(package: &Package<'_>, chosen: &Chosen<'_>, findings: &mut Findings) -> Vec<OutputFile> {
    let mut files = Vec::new();
    let mut script = |name: &str, content: &str| files.push(file(&format!("tools/{name}"), content));
    script("chocolateyInstall.ps1", &install(package, chosen, findings));
    if chosen.way == Way::Zip {
        // Before an upgrade too: a folder may carry the version in its name.
        script("chocolateyBeforeModify.ps1", BEFORE_MODIFY);
    }
    if let Some(uninstall) = uninstall(package, chosen, findings) {
        script("chocolateyUninstall.ps1", &uninstall);
    }
    for path in hidden(chosen) {
        files.push(file(&format!("tools/{path}.ignore"), ""));
    }
    if package.is_embedded {
        files.push(file("tools/VERIFICATION.txt", &verification(package, chosen)));
        let license = text::paragraphs(package.release.license_text.as_deref().unwrap_or_default());
        if license.is_empty() {
            let message = "a package that holds programs holds their licence (CPMR0005)";
            findings.error("choco-license-text", message, "give the release a license-text, or leave out `embed`");
        }
        files.push(file("tools/LICENSE.txt", &(license + "\n")));
    }
    files
}

/// Windows takes a script without a byte order mark for text in the local
/// code page, so one with other letters than ASCII gets the mark.
fn file(path: &str, content: &str) -> OutputFile {
    let is_script = path.strip_suffix(".ps1").is_some();
    let mark = if is_script && !content.is_ascii() { "\u{feff}" } else { "" };
    OutputFile::text(path, &format!("{mark}{}", content.replace('\n', "\r\n")))
}

/// A text that a script takes as it is: one also ends at curly quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("'");
    for letter in text.chars() {
        if matches!(letter, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            out.push(letter);
        }
        out.push(letter);
    }
    out.push('\'');
    out
}

fn install(package: &Package<'_>, chosen: &Chosen<'_>, findings: &mut Findings) -> String {
    let mut args = Args(Vec::new());
    args.raw("packageName", "$env:ChocolateyPackageName");
    let mut more = String::new();
    let command = match (chosen.way, package.is_embedded) {
        (Way::Zip, is_embedded) => {
            args.raw(if is_embedded { "destination" } else { "unzipLocation" }, "$toolsDir");
            source(&mut args, chosen, is_embedded, ("FileFullPath", "FileFullPath64"));
            if is_embedded { "Get-ChocolateyUnzip" } else { "Install-ChocolateyZipPackage" }
        }
        // Nothing to do: Chocolatey makes a command of every program.
        (Way::Portable, true) => return portable_embedded(package, chosen),
        (Way::Portable, false) => {
            let name = format!("{}.exe", command(package, chosen));
            args.raw("fileFullPath", &format!("(Join-Path $toolsDir {})", quoted(&name)));
            source(&mut args, chosen, false, ("", ""));
            "Get-ChocolateyWebFile"
        }
        (Way::Run(kind), is_embedded) => {
            args.text("fileType", kind);
            args.text("silentArgs", &chosen.silent_args(package, findings));
            args.raw("validExitCodes", &exit_codes(package, chosen, findings));
            if let Some(name) = software_name(package, chosen) {
                args.text("softwareName", &name);
            }
            source(&mut args, chosen, is_embedded, ("file", "file64"));
            if is_embedded {
                more = remove_embedded(chosen);
                "Install-ChocolateyInstallPackage"
            } else {
                "Install-ChocolateyPackage"
            }
        }
    };
    format!("{HEAD}{}\n{command} @packageArgs\n{more}", args.table())
}

/// Arguments of a command, one a line.
struct Args(Vec<(String, String)>);

impl Args {
    fn raw(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    fn text(&mut self, name: &str, value: &str) {
        self.raw(name, &quoted(value));
    }

    fn table(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        let mut out = String::from("$packageArgs = @{\n");
        for (name, value) in &self.0 {
            writeln!(out, "  {name:width$} = {value}").expect("a string takes all");
        }
        out + "}\n"
    }
}

/// Where the bytes come from: a URL with its digest, or a file of the package.
fn source(args: &mut Args, chosen: &Chosen<'_>, is_embedded: bool, names: (&str, &str)) {
    let pairs = [
        (chosen.any, "url", "checksum", "checksumType", names.0),
        (chosen.x64, "url64bit", "checksum64", "checksumType64", names.1),
    ];
    for (artifact, url, checksum, algorithm, file) in pairs {
        let Some(artifact) = artifact else { continue };
        if is_embedded {
            args.raw(file, &format!("(Join-Path $toolsDir {})", quoted(&artifact.file_name)));
        } else {
            args.text(url, &artifact.url);
            args.text(checksum, &choose::sha256(artifact).unwrap_or_default());
            args.text(algorithm, "sha256");
        }
    }
}

fn command(package: &Package<'_>, chosen: &Chosen<'_>) -> String {
    let lead = chosen.x64.or(chosen.any);
    let binary = lead.and_then(|artifact| artifact.binaries.first());
    let binary = binary.map(|path| choose::command(path).to_owned());
    let is_name = |name: &String| !name.contains(package.release.version.as_str()) && !name.contains(['/', '\\', ':']);
    binary.filter(is_name).unwrap_or_else(|| package.id.clone())
}

fn portable_embedded(package: &Package<'_>, chosen: &Chosen<'_>) -> String {
    let mut out = String::from(HEAD);
    let name = quoted(&format!("{}.exe", command(package, chosen)));
    let path = |artifact: &Artifact| format!("(Join-Path $toolsDir {})", quoted(&artifact.file_name));
    match (chosen.any, chosen.x64) {
        (Some(any), Some(x64)) => {
            writeln!(out, "$is64 = (Get-OSArchitectureWidth 64) -and ($env:chocolateyForceX86 -ne 'true')")
                .expect("a string takes all");
            writeln!(
                out,
                "$kept, $other = if ($is64) {{ {}, {} }} else {{ {}, {} }}",
                path(x64),
                path(any),
                path(any),
                path(x64)
            )
            .expect("a string takes all");
            out.push_str("Remove-Item $other -Force\n");
        }
        (any, x64) => {
            let only = any.or(x64).map(path).unwrap_or_default();
            writeln!(out, "$kept = {only}").expect("a string takes all");
        }
    }
    writeln!(out, "$wanted = Join-Path $toolsDir {name}\nif ($kept -ne $wanted) {{ Move-Item $kept $wanted -Force }}")
        .expect("a string takes all");
    out
}

/// An installer is no command, and need not stay.
fn remove_embedded(chosen: &Chosen<'_>) -> String {
    let remove = |artifact: &Artifact| {
        format!(
            "Remove-Item (Join-Path $toolsDir {}) -Force -ErrorAction SilentlyContinue\n",
            quoted(&artifact.file_name)
        )
    };
    chosen.artifacts().map(remove).collect()
}

fn exit_codes(package: &Package<'_>, chosen: &Chosen<'_>, findings: &mut Findings) -> String {
    let codes = package.settings.list("valid-exit-codes");
    if codes.iter().any(|code| code.parse::<i64>().is_err()) {
        findings.error("bad-setting", "`valid-exit-codes` has what is no code", "write whole numbers");
        return "@(0)".to_owned();
    }
    match (codes.is_empty(), chosen.kind.as_str()) {
        (false, _) => format!("@({})", codes.join(", ")),
        (true, "msi" | "wix" | "burn") => "@(0, 3010, 1641)".to_owned(),
        (true, _) => "@(0)".to_owned(),
    }
}

/// The name in the list of installed programs.
fn software_name(package: &Package<'_>, chosen: &Chosen<'_>) -> Option<String> {
    let shown = chosen.artifacts().find_map(|artifact| artifact.facts.as_ref()?.display_name.as_deref());
    let shown = package.settings.text("software-name").map(str::to_owned).or_else(|| {
        // The name goes on with the version, which is another one next time.
        shown.map(|name| {
            format!("{}*", text::line(name).split(package.release.version.as_str()).next().unwrap_or_default().trim())
        })
    });
    shown.filter(|name| name.len() > 1)
}

/// What was unpacked stands in a list beside the package, under the name that
/// the archive had on its server.
const BEFORE_MODIFY: &str = "$ErrorActionPreference = 'Stop'
$packageDir = Split-Path -Parent (Split-Path -Parent $MyInvocation.MyCommand.Definition)

Get-ChildItem -Path $packageDir -Filter '*.zip.txt' | ForEach-Object {
  Uninstall-ChocolateyZipPackage -PackageName $env:ChocolateyPackageName -ZipFileName $_.BaseName
}
";

/// Chocolatey removes what an MSI, Inno Setup or NSIS installed by itself.
/// Other installers need to be told how.
fn uninstall(package: &Package<'_>, chosen: &Chosen<'_>, findings: &mut Findings) -> Option<String> {
    let is_wanted =
        package.settings.switch("uninstall-script", matches!(chosen.kind.as_str(), "exe" | "burn"), findings);
    if !matches!(chosen.way, Way::Run(_)) || !is_wanted {
        return None;
    }
    let Some(name) = software_name(package, chosen) else {
        let message = "nobody knows under which name the program is installed: no uninstall script";
        findings.warn("choco-uninstall", message, "set `software-name`, for instance to Tool*");
        return None;
    };
    let kind = if chosen.way == Way::Run("msi") { "msi" } else { "exe" };
    let silent = quoted(&chosen.silent_args(package, findings));
    let file = if kind == "msi" { "''" } else { "(\"$($key.UninstallString)\" -replace '^\"([^\"]+)\".*$', '$1')" };
    let args = if kind == "msi" { format!("\"$($key.PSChildName) \" + {silent}") } else { silent };
    let codes = exit_codes(package, chosen, findings);
    Some(format!(
        "$ErrorActionPreference = 'Stop'\n\n[array]$keys = Get-UninstallRegistryKey -SoftwareName {name}\n\
         if ($keys.Count -ne 1) {{\n  Write-Warning \"$($keys.Count) programs match; remove them by hand\"\n  return\n}}\n\
         $key = $keys[0]\n$packageArgs = @{{\n  packageName    = $env:ChocolateyPackageName\n  fileType       = '{kind}'\n\
         \x20 silentArgs     = {args}\n  validExitCodes = {codes}\n  file           = {file}\n}}\nUninstall-ChocolateyPackage @packageArgs\n",
        name = quoted(&name),
    ))
}

/// Programs in the archive that shall not become commands.
fn hidden(chosen: &Chosen<'_>) -> Vec<String> {
    let lead = chosen.x64.or(chosen.any).filter(|_| chosen.way == Way::Zip && !chosen.programs.is_empty());
    let entries = lead.map(|artifact| artifact.entries.as_slice()).unwrap_or_default();
    let is_hidden = |path: &str| choose::is_exe(path) && !chosen.programs.iter().any(|program| program.path == path);
    let is_sound =
        |path: &str| !path.contains(['\\', ':']) && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    let paths = entries.iter().map(|entry| entry.path.clone());
    paths.filter(|path| is_hidden(path) && is_sound(path)).take(400).collect()
}

fn verification(package: &Package<'_>, chosen: &Chosen<'_>) -> String {
    let mut out = String::from(
        "VERIFICATION\n\nVerification helps moderators and users to see that the files in this package are the publisher's.\n\n\
         1. Download what the publisher offers:\n",
    );
    for artifact in chosen.artifacts() {
        writeln!(out, "   {}", artifact.url).expect("a string takes all");
    }
    out.push_str("\n2. Compute its SHA-256, for instance with Get-FileHash, and compare:\n");
    for artifact in chosen.artifacts() {
        let digest = choose::sha256(artifact).unwrap_or_default();
        writeln!(out, "   tools/{}\n   checksum type: sha256\n   checksum: {digest}", artifact.file_name)
            .expect("a string takes all");
    }
    out.push_str("\nLICENSE.txt holds the licence of the program");
    match package.release.license_url.as_deref() {
        Some(url) => writeln!(out, ", which is also at {url}").expect("a string takes all"),
        None => out.push_str(".\n"),
    }
    out
}

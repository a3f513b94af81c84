//! Each rule about Chocolatey's packages, by a change to one that is right.

use super::super::testing::{assert_cases, assert_clean, case, files};
use crate::publish::Manager::Chocolatey;

const NUSPEC: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<package xmlns="http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd">
  <metadata>
    <id>tool</id>
    <version>1.2.3</version>
    <title>Tool</title>
    <authors>Example</authors>
    <owners>example</owners>
    <projectUrl>https://example.org/tool</projectUrl>
    <packageSourceUrl>https://example.org/packages</packageSourceUrl>
    <iconUrl>https://example.org/icon.png</iconUrl>
    <licenseUrl>https://example.org/license</licenseUrl>
    <copyright>2026 Example</copyright>
    <requireLicenseAcceptance>true</requireLicenseAcceptance>
    <tags>tool cli</tags>
    <summary>Does what a tool does.</summary>
    <description># Tool
Does what a tool does, and says so at some length.</description>
    <releaseNotes>https://example.org/notes</releaseNotes>
    <dependencies><dependency id="other" version="1.0.0" /></dependencies>
  </metadata>
</package>
"#;

const SCRIPT: &str = r"# What is installed.
$ErrorActionPreference = 'Stop'
$toolsDir = Split-Path -Parent $MyInvocation.MyCommand.Definition
$packageArgs = @{
  packageName    = $env:ChocolateyPackageName
  unzipLocation  = $toolsDir
  url            = 'https://example.org/tool-x86.zip'
  checksum       = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'
  checksumType   = 'sha256'
  url64bit       = 'https://example.org/tool-x64.zip'
  checksum64     = 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'
  checksumType64 = 'sha256'
}
Install-ChocolateyZipPackage @packageArgs
";

const PACKAGE: [(&str, &str); 2] = [("p/tool.nuspec", NUSPEC), ("p/tools/chocolateyInstall.ps1", SCRIPT)];
const N: &str = "tool.nuspec";
const S: &str = "chocolateyInstall.ps1";

#[test]
fn a_package_that_is_right_is_clean() {
    assert_clean(Chocolatey, &PACKAGE);
    let call = "Install-ChocolateyZipPackage -PackageName 'x' -Url 'https://a.b/c' -UnzipLocation $toolsDir \
                -Checksum 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' -ChecksumType sha256\n";
    assert_clean(Chocolatey, &[("tool.nuspec", NUSPEC), ("tools/chocolateyinstall.ps1", call)]);
}

#[test]
fn nuspec() {
    assert_cases(
        Chocolatey,
        &PACKAGE,
        &[
            case(N, "</metadata>", "", "error[choco-syntax]"),
            case(N, "<metadata>", "<data>", "error[choco-syntax]"),
            case(N, "2010/07", "2015/06", "note[choco-namespace]"),
            case(N, " xmlns=", " other=", "warning[choco-namespace]"),
            case(N, "<title>Tool</title>", "<title>Tool</title><title>Tool</title>", "error[choco-duplicate]"),
            case(N, "<title>Tool</title>", "<Title>Tool</Title>", "error[choco-case]"),
            case(N, "<title>Tool</title>", "<nonsense/>", "warning[choco-unknown]"),
            case(N, "<title>Tool</title>", "", "note[choco-advised]"),
            case(N, "<authors>Example</authors>", "<authors> </authors>", "error[choco-required]"),
            case(N, "<id>tool</id>", "<id>other</id>", "warning[choco-file-name]"),
            case(N, "<id>tool</id>", "<id>to ol</id>", "error[choco-id]"),
            case(N, "<id>tool</id>", "<id>tool.config</id>", "error[CPMR0029]"),
            case(N, "<id>tool</id>", "<id>tool-beta</id>", "error[CPMR0024]"),
            case(N, "<version>1.2.3<", "<version>1.2<", "error[choco-version]"),
            case(N, "<version>1.2.3<", "<version>v1.2.3<", "error[choco-version]"),
        ],
    );
    assert_cases(
        Chocolatey,
        &PACKAGE,
        &[
            case(N, "2026 Example", "me", "error[CPMR0001]"),
            case(
                N,
                "<description># Tool\nDoes what a tool does, and says so at some length.",
                "<description>",
                "error[CPMR0002]",
            ),
            case(N, "    <licenseUrl>https://example.org/license</licenseUrl>\n", "", "error[CPMR0007]"),
            case(N, "    <projectUrl>https://example.org/tool</projectUrl>\n", "", "error[CPMR0009]"),
            case(N, "tool cli", "tool, cli", "error[CPMR0014]"),
            case(N, "<title>Tool", "<title>__REPLACE__", "error[CPMR0019]"),
            case(N, "<owners>example", "<owners>me@example.org", "error[CPMR0020]"),
            case(N, "    <tags>tool cli</tags>\n", "", "error[CPMR0023]"),
            case(N, "# Tool", "#Tool", "error[CPMR0030]"),
            case(N, "# Tool\nDoes what a tool does, and says so at some length.", "A tool.", "error[CPMR0032]"),
            case(N, "https://example.org/icon.png", "icon.png", "error[choco-url]"),
            case(N, "https://example.org/icon.png", "http://example.org/icon.png", "warning[choco-https]"),
            case(N, "tool cli", "tool chocolatey", "warning[choco-tags]"),
            case(N, " id=\"other\"", "", "error[choco-dependency]"),
            case(N, " version=\"1.0.0\"", "", "note[choco-dependency]"),
            case(N, "<metadata>", "<!-- Read this before creating packages -->\n<metadata>", "note[choco-template]"),
        ],
    );
    let long = NUSPEC.replace("some length", &"long ".repeat(1000));
    let found = super::check(&files(&[("tool.nuspec", &long)]));
    assert!(found.iter().any(|finding| finding.code == "CPMR0026"), "{found:#?}");
    let found = super::check(&files(&[("tool.nuspec", "<other/>")]));
    assert!(found.iter().any(|finding| finding.code == "choco-structure"), "{found:#?}");
}

#[test]
fn scripts() {
    assert_cases(
        Chocolatey,
        &PACKAGE,
        &[
            case(S, "Install-C", "choco install other -y\nInstall-C", "error[CPMR0010]"),
            case(S, "Install-C", "& 'cinst' other\nInstall-C", "error[CPMR0010]"),
            case(S, "Install-C", "## NOTE: In 80-90% of the cases\nInstall-C", "error[CPMR0022]"),
            case(S, "unzipLocation  = $toolsDir", "unzipLocation  = $env:ChocolateyPackageFolder", "error[CPMR0072]"),
            case(
                S,
                "  checksum       = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'\n",
                "",
                "error[CPMR0073]",
            ),
            case(S, "  checksum64     =", "  # checksum64     =", "error[CPMR0073]"),
            case(S, "https://example.org/tool-x86.zip", "https://github.com/a/b/files/1/tool.zip", "error[CPMR0075]"),
            case(S, "'aaaaaaaa", "'xaaaaaaa", "error[choco-checksum]"),
            case(S, "checksumType   = 'sha256'", "checksumType   = 'md5'", "warning[choco-weak-checksum]"),
            case(S, "'https://example.org/tool-x86", "'http://example.org/tool-x86", "warning[choco-https]"),
        ],
    );
    let long = format!("{SCRIPT}{}", "Write-Host 'x'\n".repeat(100));
    let package = files(&[("tool.nuspec", NUSPEC), ("tools/install.ps1", &long)]);
    let found = super::check(&package);
    for code in ["choco-lines", "choco-script-name"] {
        assert!(found.iter().any(|finding| finding.code == code), "{code}: {found:#?}");
    }
}

#[test]
fn what_is_inside() {
    let with = |names: &[&'static str]| -> Vec<String> {
        let all = PACKAGE.into_iter().chain(names.iter().map(|name| (*name, ""))).collect::<Vec<_>>();
        let found = super::check(&files(&all));
        found.iter().map(|finding| finding.code.clone()).collect()
    };
    assert_eq!(with(&["p/tools/tool.exe"]), ["CPMR0005", "CPMR0006"]);
    assert!(with(&["p/tools/tool.exe", "p/tools/LICENSE.txt", "p/tools/VERIFICATION.txt"]).is_empty());
    assert!(with(&["elsewhere/tool.exe"]).is_empty());
    assert_eq!(with(&["p/.gitignore"]), ["choco-internal-file"]);
    assert_eq!(with(&["p/a.ps1", "p/b.ps1", "p/c.ps1"]), ["choco-scripts"]);
}

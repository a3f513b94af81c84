//! Each rule about winget's manifests, by a change to a version that is right.

use super::super::testing::{assert_cases, assert_clean, case};
use crate::publish::Manager::Winget;

const VERSION: &str =
    "# Made by hand\n# yaml-language-server: $schema=https://aka.ms/winget-manifest.version.1.12.0.schema.json\n
PackageIdentifier: Example.Tool
PackageVersion: '1.10'
DefaultLocale: en-US
ManifestType: version
ManifestVersion: 1.12.0
";

const LOCALE: &str = "# yaml-language-server: $schema=https://aka.ms/winget-manifest.defaultLocale.1.12.0.schema.json\n
PackageIdentifier: Example.Tool
PackageVersion: '1.10'
PackageLocale: en-US
Publisher: Example
PackageName: Tool
License: MIT
ShortDescription: Does what a tool does.
PackageUrl: https://example.org/tool
Tags:
- cli
- tool
ManifestType: defaultLocale
ManifestVersion: 1.12.0
";

const GERMAN: &str = "# yaml-language-server: $schema=https://aka.ms/winget-manifest.locale.1.12.0.schema.json\n
PackageIdentifier: Example.Tool
PackageVersion: '1.10'
PackageLocale: de-DE
ShortDescription: Tut, was ein Werkzeug tut.
ManifestType: locale
ManifestVersion: 1.12.0
";

const INSTALLER: &str = "# yaml-language-server: $schema=https://aka.ms/winget-manifest.installer.1.12.0.schema.json\n
PackageIdentifier: Example.Tool
PackageVersion: '1.10'
ReleaseDate: 2026-01-31
InstallerSuccessCodes:
- 3010
ExpectedReturnCodes:
- InstallerReturnCode: 5
  ReturnResponse: diskFull
Installers:
- Architecture: x64
  InstallerType: zip
  NestedInstallerType: portable
  NestedInstallerFiles:
  - RelativeFilePath: tool\\tool.exe
    PortableCommandAlias: tool
  Commands:
  - tool
  InstallerUrl: https://example.org/tool-x64.zip
  InstallerSha256: C0FFEE0000000000000000000000000000000000000000000000000000000000
- Architecture: x64
  InstallerType: exe
  Scope: machine
  ProductCode: Tool
  InstallerSwitches:
    Silent: /S
    SilentWithProgress: /S
  InstallerUrl: https://example.org/tool-x64.exe
  InstallerSha256: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
- Architecture: arm64
  InstallerType: msix
  PackageFamilyName: Tool_8wekyb3d8bbwe
  Markets:
    AllowedMarkets:
    - DE
  InstallerUrl: https://example.org/tool.msix
  InstallerSha256: BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB
ManifestType: installer
ManifestVersion: 1.12.0
";

fn set() -> Vec<(&'static str, String)> {
    [
        ("manifests/e/Example/Tool/1.10/Example.Tool.yaml", VERSION),
        ("manifests/e/Example/Tool/1.10/Example.Tool.installer.yaml", INSTALLER),
        ("manifests/e/Example/Tool/1.10/Example.Tool.locale.en-US.yaml", LOCALE),
        ("manifests/e/Example/Tool/1.10/Example.Tool.locale.de-DE.yaml", GERMAN),
    ]
    .map(|(path, text)| (path, text.to_owned()))
    .into()
}

fn with_set(test: impl Fn(&[(&str, &str)])) {
    let set = set();
    test(&set.iter().map(|(path, text)| (*path, text.as_str())).collect::<Vec<_>>());
}

#[test]
fn a_version_that_is_right_is_clean() {
    with_set(|set| assert_clean(Winget, set));
}

const V: &str = "Example.Tool.yaml";
const I: &str = "installer.yaml";
const D: &str = "en-US.yaml";
const G: &str = "de-DE.yaml";

#[test]
fn structure() {
    let cases = [
        case(V, "PackageVersion: '1.10'", "PackageVersion: 1.10", "error[winget-type]"),
        case(V, "DefaultLocale: en-US\n", "", "error[winget-required]"),
        case(V, "DefaultLocale: en-US\n", "DefaultLocale: en-US\nExtra: 1\n", "error[winget-unknown]"),
        case(V, "DefaultLocale", "defaultLocale", "error[winget-case]"),
        case(V, "DefaultLocale: en-US\n", "DefaultLocale: en-US\nDefaultLocale: en-US\n", "error[winget-duplicate]"),
        case(V, "Example.Tool", "ExampleTool", "error[winget-pattern]"),
        case(V, "PackageVersion: '1.10'", "PackageVersion: [1", "error[winget-syntax]"),
        case(D, "Publisher: Example", "Publisher: E", "error[winget-length]"),
        case(D, "License: MIT", "License: yes", "warning[winget-quoting]"),
        case(D, "- tool\n", "- cli\n", "error[winget-unique]"),
        case(D, "Publisher: Example", "Publisher: ~", "error[winget-type]"),
        case(I, "Architecture: arm64", "Architecture: ARM64", "error[winget-enum]"),
        case(I, "- 3010", "- 0", "error[winget-range]"),
        case(I, "- 3010", "- '3010'", "error[winget-type]"),
        case(I, "2026-01-31", "2026-02-31", "error[winget-pattern]"),
        case(I, "C0FFEE", "G0FFEE", "error[winget-pattern]"),
        case(I, "Commands:\n  - tool", "Commands: tool", "error[winget-type]"),
    ];
    with_set(|set| assert_cases(Winget, set, &cases));
}

#[test]
fn head_and_version() {
    let cases = [
        case(V, "winget-manifest.version", "winget-manifest.installer", "error[winget-header]"),
        case(V, "version.1.12.0", "version.1.10.0", "error[winget-header]"),
        case(V, "# yaml-language-server", "# something", "warning[winget-header]"),
        case(V, "ManifestVersion: 1.12.0", "ManifestVersion: 1.11.0", "error[winget-manifest-version]"),
        case(V, "ManifestVersion: 1.12.0", "ManifestVersion: 1.6.0", "note[winget-manifest-version]"),
        case(V, "ManifestType: version", "ManifestType: singleton", "error[winget-singleton]"),
        case(V, "ManifestType: version", "ManifestType: other", "error[winget-enum]"),
        case(V, "en-US\n", "en-US\r\n", "warning[winget-line-ends]"),
        case(V, "en-US\n", "en-US \n", "note[winget-trailing-blanks]"),
        case(V, "# Made", "\u{feff}# Made", "warning[winget-byte-order-mark]"),
    ];
    with_set(|set| assert_cases(Winget, set, &cases));
}

#[test]
fn files_agree() {
    let cases = [
        case(D, "Example.Tool", "Example.Other", "error[winget-disagreement]"),
        case(D, "'1.10'", "'1.11'", "error[winget-disagreement]"),
        case(V, "DefaultLocale: en-US", "DefaultLocale: fr-FR", "error[winget-disagreement]"),
        case(G, "PackageLocale: de-DE", "PackageLocale: en-US", "error[winget-twice]"),
        case(G, "PackageLocale: de-DE", "PackageLocale: fr-FR", "error[winget-file-name]"),
        case(V, "'1.10'", "'1.11'", "error[winget-path]"),
        case(D, "ManifestType: defaultLocale", "ManifestType: locale", "error[winget-missing-file]"),
    ];
    with_set(|set| assert_cases(Winget, set, &cases));
}

#[test]
fn installers() {
    let cases = [
        case(I, "ReleaseDate", "Channel: beta\nReleaseDate", "error[winget-channel]"),
        case(I, "  InstallerType: msix\n", "", "error[winget-required]"),
        case(I, "    Silent: /S\n", "", "warning[winget-silent]"),
        case(I, "  - tool\n", "  - tool\n  - other\n", "error[winget-commands]"),
        case(I, "  NestedInstallerType: portable\n", "", "error[winget-nested]"),
        case(I, "tool.exe", "tool.bat", "error[winget-nested]"),
        case(I, "tool\\tool.exe", "..\\tool.exe", "error[winget-escape]"),
        case(I, "tool\\tool.exe\n", "tool.exe\n  - RelativeFilePath: TOOL.EXE\n", "error[winget-twice]"),
        case(I, "InstallerType: msix", "InstallerType: msi", "error[winget-installer-type]"),
        case(
            I,
            "Scope: machine\n",
            "Scope: machine\n  PackageFamilyName: Tool_8wekyb3d8bbwe\n",
            "error[winget-installer-type]",
        ),
        case(I, "AllowedMarkets:", "ExcludedMarkets: []\n    AllowedMarkets:", "error[winget-markets]"),
        case(I, "Silent: /S", "Silent: /D=C:\\\\x", "error[winget-switches]"),
        case(I, "InstallerReturnCode: 5", "InstallerReturnCode: 3010", "error[winget-return-codes]"),
        case(
            I,
            "- Architecture: arm64\n  InstallerType: msix\n  PackageFamilyName: Tool_8wekyb3d8bbwe",
            "- Architecture: x64\n  InstallerType: exe",
            "error[winget-duplicate-installer]",
        ),
        case(I, "tool.msix", "tool-x64.exe", "error[winget-hash]"),
        case(
            I,
            "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "warning[winget-hash]",
        ),
        case(I, "C0FFEE", "c0ffee", "note[winget-hash-case]"),
        case(I, "https://example.org/tool.msix", "http://example.org/tool.msix", "error[winget-https]"),
        case(D, "https://example.org/tool", "http://example.org/tool", "warning[winget-https]"),
        case(D, "Tags:", "Icons: []\nTags:", "warning[winget-icons]"),
        case(D, "Tags:", "Agreements: []\nTags:", "warning[winget-agreements]"),
    ];
    // In a zip, not one but two files that are no portable programs.
    with_set(|set| {
        let two: Vec<_> = set
            .iter()
            .map(|(path, text)| {
                (*path, text.replace("    PortableCommandAlias: tool\n", "  - RelativeFilePath: b.exe\n"))
            })
            .collect();
        let two: Vec<_> = two.iter().map(|(path, text)| (*path, text.as_str())).collect();
        assert_clean(Winget, &two);
        assert_cases(
            Winget,
            &two,
            &[case(I, "NestedInstallerType: portable", "NestedInstallerType: msi", "error[winget-nested]")],
        );
    });
    with_set(|set| assert_cases(Winget, set, &cases));
    // Fonts came with 1.12.
    let cases = [case(
        I,
        "InstallerType: msix\n  PackageFamilyName: Tool_8wekyb3d8bbwe",
        "InstallerType: font",
        "error[winget-enum]",
    )];
    let old: Vec<_> = set().into_iter().map(|(path, text)| (path, text.replace("1.12.0", "1.10.0"))).collect();
    let old: Vec<_> = old.iter().map(|(path, text)| (*path, text.as_str())).collect();
    assert_clean(Winget, &old);
    assert_cases(Winget, &old, &cases);
}

#[test]
fn a_finding_says_where_and_what_instead() {
    with_set(|set| {
        let changed: Vec<_> = set
            .iter()
            .map(|(path, text)| (*path, text.replace("Architecture: arm64", "Architecture: ARM64")))
            .collect();
        let changed: Vec<_> = changed.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let found = super::check(&super::super::testing::files(&changed));
        let finding = found.iter().find(|finding| finding.code == "winget-enum").unwrap();
        assert_eq!(finding.pointer.as_deref(), Some("/Installers/2/Architecture"));
        assert_eq!(finding.suggestion.as_deref(), Some("arm64"));
        let at = finding.position.unwrap();
        assert_eq!((at.line, at.column), (31, 17));
    });
}

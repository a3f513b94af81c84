//! Versions of winget that are right, of every kind of installer.

use serde_json::{Value, json};

/// The files of one version, by the last part of their names.
pub struct Set {
    pub id: &'static str,
    pub version: &'static str,
    /// Version of the schemas.
    pub schema: &'static str,
    pub files: Vec<(String, Value)>,
}

impl Set {
    /// The path of a file in the community repository.
    pub fn path(&self, suffix: &str) -> String {
        let first = self.id.chars().next().expect("an identifier").to_lowercase();
        format!("manifests/{first}/{}/{}/{}{suffix}.yaml", self.id.replace('.', "/"), self.version, self.id)
    }
}

fn set(identity: [&'static str; 3], installer: Value, texts: Value, locales: &[(&str, Value)]) -> Set {
    let [id, version, schema] = identity;
    let whole = |kind: &str, mut value: Value| {
        value["PackageIdentifier"] = id.into();
        value["PackageVersion"] = version.into();
        value["ManifestType"] = kind.into();
        value["ManifestVersion"] = schema.into();
        value
    };
    let mut default = json!({
        "PackageLocale": "en-US", "Publisher": "Example", "PackageName": "Tool", "License": "MIT",
        "ShortDescription": "Does what a tool does.",
    });
    merge(&mut default, texts);
    let mut files = vec![
        (String::new(), whole("version", json!({"DefaultLocale": "en-US"}))),
        (".installer".to_owned(), whole("installer", installer)),
        (".locale.en-US".to_owned(), whole("defaultLocale", default)),
    ];
    for (locale, texts) in locales {
        let mut value = json!({"PackageLocale": locale});
        merge(&mut value, texts.clone());
        files.push((format!(".locale.{locale}"), whole("locale", value)));
    }
    Set { id, version, schema, files }
}

fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { panic!("two objects") };
    into.extend(from);
}

/// An installer with a digest of its own.
fn installer(arch: &str, name: &str, more: Value) -> Value {
    let digest = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let mut value = json!({
        "Architecture": arch,
        "InstallerUrl": format!("https://downloads.example/{name}"),
        "InstallerSha256": format!("{digest:016X}ABCDEF{digest:016X}FEDCBA0123456789ABCDEF0123"),
    });
    merge(&mut value, more);
    value
}

const NEW: &str = "1.12.0";
const OLD: &str = "1.10.0";

/// All of them.
pub fn all() -> Vec<Set> {
    let mut sets = programs();
    sets.extend(packages());
    sets.extend(families());
    sets.extend(corners());
    sets
}

/// Archives and single programs.
fn programs() -> Vec<Set> {
    let exe = |path: &str| json!({"RelativeFilePath": path});
    vec![
        set(
            ["Example.Zip", "1.10", NEW],
            json!({
                "InstallerType": "zip", "NestedInstallerType": "portable", "ReleaseDate": "2026-01-31",
                "Installers": [
                    installer("x64", "zip-x64", json!({"NestedInstallerFiles": [
                        {"RelativeFilePath": "tool\\tool.exe", "PortableCommandAlias": "tool"}, exe("tool\\other.exe"),
                    ]})),
                    installer("arm64", "zip-arm64", json!({"NestedInstallerFiles": [exe("tool.exe")]})),
                ],
            }),
            json!({"Tags": ["cli", "tool"], "Moniker": "tool"}),
            &[],
        ),
        set(
            ["Example.Portable", "2026.1.0-beta.1", OLD],
            json!({
                "InstallerType": "portable", "Commands": ["tool"],
                "Installers": [installer("x86", "portable-x86", json!({})), installer("x64", "portable-x64", json!({}))],
            }),
            json!({"Author": "Somebody Else", "PackageUrl": "https://example.org"}),
            &[],
        ),
        set(
            ["Example.Nested.Inno", "3.0.0", NEW],
            json!({
                "Installers": [installer("x64", "inno.zip", json!({
                    "InstallerType": "zip", "NestedInstallerType": "inno", "NestedInstallerFiles": [exe("setup\\setup.exe")],
                    "ArchiveBinariesDependOnPath": false,
                }))],
            }),
            json!({}),
            &[("de-DE", json!({"ShortDescription": "Tut, was ein Werkzeug tut.", "Publisher": "Beispiel"}))],
        ),
        set(
            ["Example.Fonts", "1", NEW],
            json!({
                "InstallerType": "font",
                "Installers": [installer("neutral", "font.ttf", json!({}))],
            }),
            json!({"License": "OFL-1.1"}),
            &[],
        ),
    ]
}

/// Installers that write themselves into the list of programs.
fn packages() -> Vec<Set> {
    vec![
        set(
            ["Example.Msi", "1.2.3.4", OLD],
            json!({
                "InstallerType": "wix", "Scope": "machine", "UpgradeBehavior": "install", "InstallModes": ["silent", "interactive"],
                "Installers": [installer("x64", "tool.msi", json!({
                    "ProductCode": "{00000000-0000-0000-0000-000000000001}",
                    "AppsAndFeaturesEntries": [{
                        "DisplayName": "Tool", "Publisher": "Example", "DisplayVersion": "1.2.3.4",
                        "ProductCode": "{00000000-0000-0000-0000-000000000001}",
                        "UpgradeCode": "{00000000-0000-0000-0000-000000000002}", "InstallerType": "msi",
                    }],
                }))],
            }),
            json!({"Copyright": "2026 Example", "LicenseUrl": "https://example.org/license"}),
            &[],
        ),
        set(
            ["Example.Exe", "1.0+build", NEW],
            json!({
                "InstallerType": "exe",
                "InstallerSwitches": {
                    "Silent": "/quiet", "SilentWithProgress": "/passive", "Interactive": "/full", "Log": "/log <LOGPATH>",
                    "InstallLocation": "/dir=<INSTALLPATH>", "Upgrade": "/up", "Custom": "/norestart", "Repair": "/repair",
                },
                "InstallerSuccessCodes": [3010, 1641],
                "ExpectedReturnCodes": [
                    {"InstallerReturnCode": -5, "ReturnResponse": "diskFull"},
                    {"InstallerReturnCode": 4_294_967_295_u32, "ReturnResponse": "custom", "ReturnResponseUrl": "https://example.org/codes"},
                ],
                "ElevationRequirement": "elevatesSelf", "RepairBehavior": "installer",
                "Installers": [
                    installer("x86", "user.exe", json!({"Scope": "user", "InstallerLocale": "en-US"})),
                    installer("x86", "machine.exe", json!({"Scope": "machine", "InstallerLocale": "en-US"})),
                ],
            }),
            json!({}),
            &[],
        ),
        set(
            ["Example.Nullsoft", "v5", OLD],
            json!({
                "InstallerType": "nullsoft", "Platform": ["Windows.Desktop"], "MinimumOSVersion": "10.0.17763.0",
                "Protocols": ["tool"], "FileExtensions": ["tool", "tl"], "InstallerAbortsTerminal": true,
                "InstallLocationRequired": false, "RequireExplicitUpgrade": true, "DisplayInstallWarnings": false,
                "DownloadCommandProhibited": true, "UnsupportedOSArchitectures": ["arm"], "UnsupportedArguments": ["log", "location"],
                "Installers": [installer("x64", "tool-setup.exe", json!({"ProductCode": "Tool"}))],
            }),
            json!({}),
            &[],
        ),
    ]
}

/// Packages with a family, and with dependencies.
fn families() -> Vec<Set> {
    vec![
        set(
            ["Example.Msix", "1.0.0.0", NEW],
            json!({
                "InstallerType": "msix", "PackageFamilyName": "Example.Tool_8wekyb3d8bbwe",
                "Capabilities": ["internetClient"], "RestrictedCapabilities": ["runFullTrust"],
                "Markets": {"AllowedMarkets": ["DE", "US"]},
                "Installers": [installer("arm64", "tool.msix", json!({
                    "SignatureSha256": "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
                    "Platform": ["Windows.Desktop", "Windows.Universal"],
                }))],
            }),
            json!({"PrivacyUrl": "https://example.org/privacy", "PurchaseUrl": "https://example.org/buy"}),
            &[],
        ),
        set(
            ["Example.Burn", "7.0", NEW],
            json!({
                "InstallerType": "burn",
                "Dependencies": {
                    "WindowsFeatures": ["NetFx3"], "WindowsLibraries": ["ucrt"], "ExternalDependencies": ["Something else"],
                    "PackageDependencies": [{"PackageIdentifier": "Example.Zip", "MinimumVersion": "1.0"}],
                },
                "InstallationMetadata": {
                    "DefaultInstallLocation": "%ProgramFiles%\\Tool",
                    "Files": [{
                        "RelativeFilePath": "tool.exe", "FileType": "launch", "InvocationParameter": "--run", "DisplayName": "Tool",
                        "FileSha256": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                    }],
                },
                "Installers": [installer("x64", "burn.exe", json!({"Markets": {"ExcludedMarkets": ["FR"]}}))],
            }),
            json!({}),
            &[],
        ),
    ]
}

/// Long texts, other languages, everything that is rare.
fn corners() -> Vec<Set> {
    let words: Vec<String> = (0..16).map(|number| format!("word{number}")).collect();
    let languages = ["en-US", "de-DE", "fr-FR", "es-ES"];
    let many: Vec<Value> = languages
        .iter()
        .map(|locale| installer("x64", &format!("many-{locale}.exe"), json!({"InstallerLocale": locale})))
        .collect();
    let one = |name: &str| json!({"InstallerType": "inno", "Installers": [installer("x64", name, json!({}))]});
    vec![
        set(
            ["Example.Unicode", "1.0 \u{3b2}", NEW],
            one("unicode.exe"),
            json!({
                "Publisher": "\u{4f8b} \u{1f980}", "Description": "\u{e9}".repeat(10_000), "ShortDescription": "\u{1f980}".repeat(256),
                "ReleaseNotes": "- one\n- \"two\"\n\n# three: four\n", "ReleaseNotesUrl": "https://example.org/notes?a=b#c",
            }),
            &[
                (
                    "zh-Hans-CN",
                    json!({"PackageName": "\u{5de5}\u{5177}", "License": "MIT", "Tags": ["\u{5de5}\u{5177}"]}),
                ),
                ("ja", json!({"InstallationNotes": "\u{3042}\n\u{3044}"})),
            ],
        ),
        set(
            ["Ab.Cd.Ef.Gh.Ij.Kl.Mn.Op", "0", OLD],
            one("long-id.exe"),
            json!({
                "Documentations": [{"DocumentLabel": "Manual", "DocumentUrl": "https://example.org/manual"}],
                "PublisherUrl": "https://example.org", "PublisherSupportUrl": "https://example.org/help",
                "CopyrightUrl": "https://example.org/copyright",
            }),
            &[],
        ),
        set(
            ["Example.7-Tool_x", "24.09", NEW],
            json!({
                "InstallerType": "inno",
                "Authentication": {"AuthenticationType": "microsoftEntraId", "MicrosoftEntraIdAuthenticationInfo": {
                    "Resource": "https://example.org", "Scope": "read",
                }},
                "Installers": [installer("x64", "entra.exe", json!({}))],
            }),
            json!({"Description": null, "Tags": null}),
            &[],
        ),
        set(
            ["Example.Many", "1.0", NEW],
            json!({
                "InstallerType": "nullsoft", "Commands": words,
                "Installers": many,
            }),
            json!({"Tags": words}),
            &[("fr-FR", json!({}))],
        ),
    ]
}

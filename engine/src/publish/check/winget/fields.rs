//! The fields of winget's manifests of version 1.12, as tables.
//!
//! Their names and limits are those of the official schemas, which the tests
//! hold these tables against; unlike those, no other field is accepted.

use super::super::form::{
    DATE, FILE_WORD, LOCALE, MANIFEST_VERSION, MARKET, OS_VERSION, PACKAGE_FAMILY_NAME, PACKAGE_IDENTIFIER, SHA256,
    WEB_URL,
};
use super::super::shape::{Field, Form, Integer, Kind, List, Shape, Text, Unknown, may, must};

/// Fields, of which there are no others.
const fn shape(tables: &'static [&'static [Field]]) -> Shape {
    Shape { tables, unknown: Unknown::Error }
}

/// A text that has to look like something and is not longer than `most`.
const fn like(form: &'static Form, most: usize) -> Kind {
    Kind::Text(Text { most, form: Some(form), ..Text::ANY })
}

/// A list without repetitions.
const fn set(items: Kind, most: usize) -> List {
    List { items, least: 0, most, unique: true }
}

const fn list(items: Kind, most: usize) -> List {
    List { items, least: 0, most, unique: false }
}

/// A field that may be missing or say nothing.
const fn optional(name: &'static str, kind: &'static Kind) -> Field {
    may(name, Kind::Optional(kind))
}

const IDENTIFIER: Kind = like(&PACKAGE_IDENTIFIER, 128);
const VERSION: Kind = like(&FILE_WORD, 128);
const LANGUAGE: Kind = like(&LOCALE, 20);
static URL: Kind = like(&WEB_URL, 2048);
static HASH: Kind = Text::like(&SHA256);
const SCHEMA_VERSION: Kind = Text::like(&MANIFEST_VERSION);
static SWITCH: Kind = Text::long(1, 512);
static TEXT_256: Kind = Text::long(1, 256);
static TEXT_2048: Kind = Text::long(1, 2048);
static CODE: Kind = Text::long(1, 255);
static LABEL: Kind = Text::long(1, 100);
static LONG_TEXT: Kind = Text::long(1, 10_000);
static TAG: Kind = Text::long(1, 40);
static NAME: Kind = Text::long(2, 256);
static LICENSE: Kind = Text::long(3, 512);
static SUMMARY: Kind = Text::long(3, 256);

/// What every file of a version says.
static HEAD: [Field; 3] =
    [must("PackageIdentifier", IDENTIFIER), must("PackageVersion", VERSION), must("ManifestVersion", SCHEMA_VERSION)];

/// The file that names the version.
pub(super) static VERSION_FILE: Shape =
    shape(&[&HEAD, &[must("DefaultLocale", LANGUAGE), must("ManifestType", Text::of(&["version"]))]]);

/// The texts that stand for all languages without texts of their own.
pub(super) static DEFAULT_LOCALE_FILE: Shape = shape(&[
    &HEAD,
    &TEXTS,
    &[
        must("ManifestType", Text::of(&["defaultLocale"])),
        must("Publisher", Text::long(2, 256)),
        must("PackageName", Text::long(2, 256)),
        must("License", Text::long(3, 512)),
        must("ShortDescription", Text::long(3, 256)),
        optional("Moniker", &TAG),
    ],
]);

/// The texts of another language.
pub(super) static LOCALE_FILE: Shape = shape(&[
    &HEAD,
    &TEXTS,
    &[
        must("ManifestType", Text::of(&["locale"])),
        optional("Publisher", &NAME),
        optional("PackageName", &NAME),
        optional("License", &LICENSE),
        optional("ShortDescription", &SUMMARY),
    ],
]);

static TEXTS: [Field; 18] = [
    must("PackageLocale", LANGUAGE),
    optional("PublisherUrl", &URL),
    optional("PublisherSupportUrl", &URL),
    optional("PrivacyUrl", &URL),
    optional("Author", &NAME),
    optional("PackageUrl", &URL),
    optional("LicenseUrl", &URL),
    optional("Copyright", &LICENSE),
    optional("CopyrightUrl", &URL),
    optional("Description", &DESCRIPTION),
    optional("Tags", &TAGS),
    optional("Agreements", &AGREEMENTS),
    optional("ReleaseNotes", &LONG_TEXT),
    optional("ReleaseNotesUrl", &URL),
    optional("PurchaseUrl", &URL),
    optional("InstallationNotes", &LONG_TEXT),
    optional("Documentations", &DOCUMENTATIONS),
    optional("Icons", &ICONS),
];

static DESCRIPTION: Kind = Text::long(3, 10_000);
static TAGS: Kind = Kind::List(&TAG_LIST);
static TAG_LIST: List = set(Kind::Optional(&TAG), 16);
static AGREEMENTS: Kind = Kind::List(&AGREEMENT_LIST);
static AGREEMENT_LIST: List = list(Kind::Map(&AGREEMENT), 128);
static AGREEMENT: Shape =
    shape(&[&[optional("AgreementLabel", &LABEL), optional("Agreement", &LONG_TEXT), optional("AgreementUrl", &URL)]]);
static DOCUMENTATIONS: Kind = Kind::List(&DOCUMENTATION_LIST);
static DOCUMENTATION_LIST: List = list(Kind::Map(&DOCUMENTATION), 256);
static DOCUMENTATION: Shape = shape(&[&[optional("DocumentLabel", &LABEL), optional("DocumentUrl", &URL)]]);
static ICONS: Kind = Kind::List(&ICON_LIST);
static ICON_LIST: List = list(Kind::Map(&ICON), 1024);
static ICON: Shape = shape(&[&[
    must("IconUrl", like(&WEB_URL, 2048)),
    must("IconFileType", Text::of(&["png", "jpeg", "ico"])),
    may("IconResolution", Text::of(&ICON_SIZES)),
    may("IconTheme", Text::of(&["default", "light", "dark", "highContrast"])),
    optional("IconSha256", &HASH),
]]);
const ICON_SIZES: [&str; 15] = [
    "custom", "16x16", "20x20", "24x24", "30x30", "32x32", "36x36", "40x40", "48x48", "60x60", "64x64", "72x72",
    "80x80", "96x96", "256x256",
];

/// The file that says how to install.
pub(super) static INSTALLER_FILE: Shape = shape(&[
    &HEAD,
    &[
        must("ManifestType", Text::of(&["installer"])),
        must("Installers", Kind::List(&INSTALLERS)),
        optional("Channel", &CHANNEL),
    ],
    &INSTALLATION,
]);

static CHANNEL: Kind = Text::long(1, 16);
static INSTALLERS: List = List { items: Kind::Map(&INSTALLER), least: 1, most: 1024, unique: false };
static INSTALLER: Shape = shape(&[
    &[
        must("Architecture", Text::of(&["x86", "x64", "arm", "arm64", "neutral"])),
        must("InstallerUrl", like(&WEB_URL, 2048)),
        must("InstallerSha256", Text::like(&SHA256)),
        optional("SignatureSha256", &HASH),
    ],
    &INSTALLATION,
]);

/// What the file says of all installers, or an installer of itself.
static INSTALLATION: [Field; 35] = [
    optional("InstallerLocale", &LOCALE_NAME),
    optional("Platform", &PLATFORMS),
    optional("MinimumOSVersion", &WINDOWS_VERSION),
    may("InstallerType", Text::of(&INSTALLER_TYPES)),
    may("NestedInstallerType", Text::of(&NESTED_TYPES)),
    optional("NestedInstallerFiles", &NESTED_FILES),
    may("Scope", Text::of(&["user", "machine"])),
    optional("InstallModes", &INSTALL_MODES),
    may("InstallerSwitches", Kind::Map(&SWITCHES)),
    optional("InstallerSuccessCodes", &SUCCESS_CODES),
    optional("ExpectedReturnCodes", &RETURN_CODES),
    may("UpgradeBehavior", Text::of(&["install", "uninstallPrevious", "deny"])),
    optional("Commands", &COMMANDS),
    optional("Protocols", &PROTOCOLS),
    optional("FileExtensions", &EXTENSIONS),
    optional("Dependencies", &DEPENDENCIES),
    optional("PackageFamilyName", &FAMILY_NAME),
    optional("ProductCode", &CODE),
    optional("Capabilities", &CAPABILITIES),
    optional("RestrictedCapabilities", &CAPABILITIES),
    // Nothing would be both of its alternatives, of which the schema wants one.
    may("Markets", Kind::Map(&MARKET_LISTS)),
    optional("InstallerAbortsTerminal", &Kind::Boolean),
    optional("ReleaseDate", &DAY),
    optional("InstallLocationRequired", &Kind::Boolean),
    optional("RequireExplicitUpgrade", &Kind::Boolean),
    optional("DisplayInstallWarnings", &Kind::Boolean),
    optional("UnsupportedOSArchitectures", &UNSUPPORTED_ARCHITECTURES),
    optional("UnsupportedArguments", &UNSUPPORTED_ARGUMENTS),
    optional("AppsAndFeaturesEntries", &INSTALLED_PROGRAMS),
    may("ElevationRequirement", Text::of(&["elevationRequired", "elevationProhibited", "elevatesSelf"])),
    may("InstallationMetadata", Kind::Map(&METADATA)),
    optional("DownloadCommandProhibited", &Kind::Boolean),
    may("RepairBehavior", Text::of(&["modify", "uninstaller", "installer"])),
    optional("ArchiveBinariesDependOnPath", &Kind::Boolean),
    optional("Authentication", &AUTHENTICATION),
];

static LOCALE_NAME: Kind = LANGUAGE;
static PLATFORMS: Kind = Kind::List(&PLATFORM_LIST);
static PLATFORM_LIST: List = set(Text::of(&["Windows.Desktop", "Windows.Universal"]), 2);
static WINDOWS_VERSION: Kind = Text::like(&OS_VERSION);
const INSTALLER_TYPES: [&str; 12] =
    ["msix", "msi", "appx", "exe", "zip", "inno", "nullsoft", "wix", "burn", "pwa", "portable", "font"];
const NESTED_TYPES: [&str; 10] = ["msix", "msi", "appx", "exe", "inno", "nullsoft", "wix", "burn", "portable", "font"];
static NESTED_FILES: Kind = Kind::List(&NESTED_FILE_LIST);
static NESTED_FILE_LIST: List = list(Kind::Map(&NESTED_FILE), 1024);
static NESTED_FILE: Shape =
    shape(&[&[must("RelativeFilePath", Text::long(1, 512)), optional("PortableCommandAlias", &TAG)]]);
static INSTALL_MODES: Kind = Kind::List(&INSTALL_MODE_LIST);
static INSTALL_MODE_LIST: List = set(Text::of(&["interactive", "silent", "silentWithProgress"]), 3);
static SWITCHES: Shape = shape(&[&[
    optional("Silent", &SWITCH),
    optional("SilentWithProgress", &SWITCH),
    optional("Interactive", &SWITCH),
    optional("InstallLocation", &SWITCH),
    optional("Log", &SWITCH),
    optional("Upgrade", &SWITCH),
    optional("Custom", &TEXT_2048),
    optional("Repair", &SWITCH),
]]);
const RETURN_CODE: Kind = Kind::Integer(Integer { least: -2_147_483_648, most: 4_294_967_295, not_zero: true });
static SUCCESS_CODES: Kind = Kind::List(&SUCCESS_CODE_LIST);
static SUCCESS_CODE_LIST: List = set(RETURN_CODE, 16);
static RETURN_CODES: Kind = Kind::List(&RETURN_CODE_LIST);
static RETURN_CODE_LIST: List = list(Kind::Map(&EXPECTED_RETURN_CODE), 128);
static EXPECTED_RETURN_CODE: Shape = shape(&[&[
    must("InstallerReturnCode", RETURN_CODE),
    must("ReturnResponse", Text::of(&RETURN_RESPONSES)),
    optional("ReturnResponseUrl", &URL),
]]);
const RETURN_RESPONSES: [&str; 19] = [
    "packageInUse",
    "packageInUseByApplication",
    "installInProgress",
    "fileInUse",
    "missingDependency",
    "diskFull",
    "insufficientMemory",
    "invalidParameter",
    "noNetwork",
    "contactSupport",
    "rebootRequiredToFinish",
    "rebootRequiredForInstall",
    "rebootInitiated",
    "cancelledByUser",
    "alreadyInstalled",
    "downgrade",
    "blockedByPolicy",
    "systemNotSupported",
    "custom",
];
static COMMANDS: Kind = Kind::List(&COMMAND_LIST);
static COMMAND_LIST: List = set(Text::long(1, 40), 16);
static PROTOCOLS: Kind = Kind::List(&PROTOCOL_LIST);
static PROTOCOL_LIST: List = set(Text::long(0, 2048), 64);
static EXTENSIONS: Kind = Kind::List(&EXTENSION_LIST);
static EXTENSION_LIST: List = set(like(&FILE_WORD, 64), 512);
static DEPENDENCIES: Kind = Kind::Map(&DEPENDENCY_KINDS);
static DEPENDENCY_KINDS: Shape = shape(&[&[
    optional("WindowsFeatures", &DEPENDENCY_NAMES),
    optional("WindowsLibraries", &DEPENDENCY_NAMES),
    optional("PackageDependencies", &PACKAGE_DEPENDENCIES),
    optional("ExternalDependencies", &DEPENDENCY_NAMES),
]]);
static DEPENDENCY_NAMES: Kind = Kind::List(&DEPENDENCY_NAME_LIST);
static DEPENDENCY_NAME_LIST: List = set(Text::long(1, 128), 16);
static PACKAGE_DEPENDENCIES: Kind = Kind::List(&PACKAGE_DEPENDENCY_LIST);
static PACKAGE_DEPENDENCY_LIST: List = set(Kind::Map(&PACKAGE_DEPENDENCY), 16);
static PACKAGE_DEPENDENCY: Shape = shape(&[&[must("PackageIdentifier", IDENTIFIER), may("MinimumVersion", VERSION)]]);
static FAMILY_NAME: Kind = like(&PACKAGE_FAMILY_NAME, 255);
static CAPABILITIES: Kind = Kind::List(&CAPABILITY_LIST);
static CAPABILITY_LIST: List = set(Text::long(1, 40), 1000);
static MARKET_LISTS: Shape =
    shape(&[&[optional("AllowedMarkets", &MARKET_NAMES), optional("ExcludedMarkets", &MARKET_NAMES)]]);
static MARKET_NAMES: Kind = Kind::List(&MARKET_LIST);
static MARKET_LIST: List = set(Text::like(&MARKET), 256);
static DAY: Kind = Text::like(&DATE);
static UNSUPPORTED_ARCHITECTURES: Kind = Kind::List(&UNSUPPORTED_ARCHITECTURE_LIST);
static UNSUPPORTED_ARCHITECTURE_LIST: List = set(Text::of(&["x86", "x64", "arm", "arm64"]), usize::MAX);
static UNSUPPORTED_ARGUMENTS: Kind = Kind::List(&UNSUPPORTED_ARGUMENT_LIST);
static UNSUPPORTED_ARGUMENT_LIST: List = set(Text::of(&["log", "location"]), usize::MAX);
static INSTALLED_PROGRAMS: Kind = Kind::List(&INSTALLED_PROGRAM_LIST);
static INSTALLED_PROGRAM_LIST: List = set(Kind::Map(&INSTALLED_PROGRAM), 128);
static INSTALLED_PROGRAM: Shape = shape(&[&[
    optional("DisplayName", &TEXT_256),
    optional("Publisher", &TEXT_256),
    optional("DisplayVersion", &TEXT_128),
    optional("ProductCode", &CODE),
    optional("UpgradeCode", &CODE),
    may("InstallerType", Text::of(&INSTALLER_TYPES)),
]]);
static TEXT_128: Kind = Text::long(1, 128);
static METADATA: Shape =
    shape(&[&[optional("DefaultInstallLocation", &TEXT_2048), optional("Files", &INSTALLED_FILES)]]);
static INSTALLED_FILES: Kind = Kind::List(&INSTALLED_FILE_LIST);
static INSTALLED_FILE_LIST: List = set(Kind::Map(&INSTALLED_FILE), 2048);
static INSTALLED_FILE: Shape = shape(&[&[
    must("RelativeFilePath", Text::long(1, 2048)),
    optional("FileSha256", &HASH),
    may("FileType", Text::of(&["launch", "uninstall", "other"])),
    optional("InvocationParameter", &TEXT_2048),
    optional("DisplayName", &TEXT_256),
]]);
static AUTHENTICATION: Kind = Kind::Map(&AUTHENTICATION_SHAPE);
static AUTHENTICATION_SHAPE: Shape = shape(&[&[
    must("AuthenticationType", Text::of(&["none", "microsoftEntraId", "microsoftEntraIdForAzureBlobStorage"])),
    optional("MicrosoftEntraIdAuthenticationInfo", &ENTRA),
]]);
static ENTRA: Kind = Kind::Map(&ENTRA_SHAPE);
static ENTRA_SHAPE: Shape = shape(&[&[optional("Resource", &SWITCH), optional("Scope", &SWITCH)]]);

//! The fields of Scoop's manifests, as tables.
//!
//! Names and forms are those of Scoop's own schema, which the tests hold these
//! tables against.

use super::super::form::{DOWNLOAD_URL, HASH_URL, JSON_PATH, REGEX, SCOOP_HASH, SCOOP_VERSION, URI};
use super::super::shape::{Field, Form, Kind, List, Shape, Text, Unknown, may, must};

const fn closed(tables: &'static [&'static [Field]]) -> Shape {
    Shape { tables, unknown: Unknown::Error }
}

/// Lists of Scoop are never empty.
const fn list(items: Kind) -> List {
    List { items, least: 1, most: usize::MAX, unique: false }
}

const fn set(items: Kind) -> List {
    List { items, least: 1, most: usize::MAX, unique: true }
}

const TEXT: Kind = Kind::Text(Text::ANY);

const fn like(form: &'static Form) -> Kind {
    Text::like(form)
}

const TEXTS: Kind = Kind::Either(&[TEXT, Kind::List(&TEXT_LIST)]);
static TEXT_LIST: List = list(TEXT);
/// Names, of which some may be lists of a name and what belongs to it.
const NAMES: Kind = Kind::Either(&[TEXT, Kind::List(&NAME_LIST)]);
static NAME_LIST: List = list(TEXTS);
const SHORTCUTS: Kind = Kind::List(&SHORTCUT_LIST);
static SHORTCUT_LIST: List = list(Kind::List(&SHORTCUT));
static SHORTCUT: List = List { items: TEXT, least: 2, most: 4, unique: false };
const HASHES: Kind = Kind::Either(&[like(&SCOOP_HASH), Kind::List(&HASH_LIST)]);
static HASH_LIST: List = set(like(&SCOOP_HASH));
const URLS: Kind = Kind::Either(&[like(&DOWNLOAD_URL), Kind::List(&URL_LIST)]);
static URL_LIST: List = set(like(&DOWNLOAD_URL));
const FUTURE_URLS: Kind = Kind::Either(&[like(&URI), Kind::List(&FUTURE_URL_LIST)]);
static FUTURE_URL_LIST: List = set(like(&URI));

/// A manifest.
pub(super) static MANIFEST: Kind = Kind::Map(&MANIFEST_SHAPE);

static MANIFEST_SHAPE: Shape = closed(&[
    &INSTALLATION,
    &[
        must("version", like(&SCOOP_VERSION)),
        must("homepage", like(&URI)),
        must("license", LICENSE),
        may("$schema", like(&URI)),
        may("_comment", TEXTS),
        may("##", TEXTS),
        may("architecture", Kind::Map(&ARCHITECTURES)),
        may("autoupdate", Kind::Map(&AUTOUPDATE)),
        may("persist", NAMES),
        may("cookie", Kind::AnyFields),
        may("depends", TEXTS),
        may("description", TEXT),
        may("extract_to", TEXTS),
        may("innosetup", Kind::Boolean),
        may("notes", TEXTS),
        may("psmodule", Kind::Map(&MODULE)),
        may("suggest", Kind::Fields(&TEXTS)),
    ],
]);

/// What the manifest says of all architectures, or an architecture of itself.
static INSTALLATION: [Field; 14] = [
    may("bin", NAMES),
    may("checkver", CHECKVER),
    may("env_add_path", TEXTS),
    may("env_set", Kind::AnyFields),
    may("extract_dir", TEXTS),
    may("hash", HASHES),
    may("installer", Kind::Map(&INSTALLER)),
    may("post_install", TEXTS),
    may("post_uninstall", TEXTS),
    may("pre_install", TEXTS),
    may("pre_uninstall", TEXTS),
    may("shortcuts", SHORTCUTS),
    may("uninstaller", Kind::Map(&UNINSTALLER)),
    may("url", URLS),
];

static ARCHITECTURES: Shape = closed(&[&[
    may("32bit", Kind::Map(&ARCHITECTURE)),
    may("64bit", Kind::Map(&ARCHITECTURE)),
    may("arm64", Kind::Map(&ARCHITECTURE)),
]]);
static ARCHITECTURE: Shape = closed(&[&INSTALLATION]);

const LICENSE: Kind = Kind::Either(&[TEXT, Kind::Map(&LICENSE_SHAPE)]);
static LICENSE_SHAPE: Shape = closed(&[&[must("identifier", TEXT), may("url", like(&URI))]]);
static MODULE: Shape = closed(&[&[may("name", TEXT)]]);
static INSTALLER: Shape = closed(&[&[
    may("_comment", TEXT),
    may("args", TEXTS),
    may("file", TEXT),
    may("script", TEXTS),
    may("keep", Kind::Boolean),
]]);
/// The schema leaves this one open.
static UNINSTALLER: Shape =
    Shape { tables: &[&[may("args", TEXTS), may("file", TEXT), may("script", TEXTS)]], unknown: Unknown::Warning };

const CHECKVER: Kind = Kind::Either(&[like(&REGEX), Kind::Map(&CHECKVER_SHAPE)]);
static CHECKVER_SHAPE: Shape = closed(&[&[
    may("github", like(&URI)),
    may("re", like(&REGEX)),
    may("regex", like(&REGEX)),
    may("url", like(&URI)),
    may("jp", like(&JSON_PATH)),
    may("jsonpath", like(&JSON_PATH)),
    may("xpath", TEXT),
    may("reverse", Kind::Boolean),
    may("replace", TEXT),
    may("useragent", TEXT),
    may("script", TEXTS),
    may("sourceforge", Kind::Either(&[TEXT, Kind::Map(&SOURCEFORGE)])),
]]);
static SOURCEFORGE: Shape = closed(&[&[may("project", TEXT), may("path", TEXT)]]);

static AUTOUPDATE: Shape = closed(&[
    &FUTURE,
    &[
        may("architecture", Kind::Map(&FUTURE_ARCHITECTURES)),
        may("license", LICENSE),
        may("notes", TEXTS),
        may("persist", NAMES),
        may("psmodule", Kind::Map(&MODULE)),
    ],
]);
static FUTURE_ARCHITECTURES: Shape = closed(&[&[
    may("32bit", Kind::Map(&FUTURE_ARCHITECTURE)),
    may("64bit", Kind::Map(&FUTURE_ARCHITECTURE)),
    may("arm64", Kind::Map(&FUTURE_ARCHITECTURE)),
]]);
static FUTURE_ARCHITECTURE: Shape = closed(&[&FUTURE]);

/// What the next version will say, with variables for what is new in it.
static FUTURE: [Field; 8] = [
    may("bin", NAMES),
    may("env_add_path", TEXTS),
    may("env_set", Kind::AnyFields),
    may("extract_dir", TEXTS),
    may("hash", FUTURE_HASHES),
    may("installer", Kind::Map(&FUTURE_INSTALLER)),
    may("shortcuts", SHORTCUTS),
    may("url", FUTURE_URLS),
];
static FUTURE_INSTALLER: Shape = closed(&[&[may("file", TEXT)]]);
const FUTURE_HASHES: Kind = Kind::Either(&[Kind::Map(&FUTURE_HASH), Kind::List(&FUTURE_HASH_LIST)]);
static FUTURE_HASH_LIST: List = list(Kind::Map(&FUTURE_HASH));
static FUTURE_HASH: Shape = closed(&[&[
    may("find", like(&REGEX)),
    may("regex", like(&REGEX)),
    may("jp", like(&JSON_PATH)),
    may("jsonpath", like(&JSON_PATH)),
    may("xpath", TEXT),
    may("mode", Text::of(&["download", "extract", "json", "xpath", "rdf", "metalink", "fosshub", "sourceforge"])),
    may("type", Text::of(&["md5", "sha1", "sha256", "sha512"])),
    may("url", like(&HASH_URL)),
]]);

//! The app: its name, its version, and its manifest as a whole.

use generator_common::license::{self, License};
use generator_common::{Fields, Findings, Settings, Value, choose, text, web};
use turbo_component::manifest::Release;

use crate::{blocks, keep, renew};

/// Every setting that the generator reads.
pub const SETTINGS: [&str; 14] = [
    "artifacts",
    "autoupdate",
    "autoupdate-hash-url",
    "base",
    "bin",
    "checkver",
    "description",
    "homepage",
    "license",
    "name",
    "path",
    "repository",
    "route",
    "shortcuts",
];

/// Order of the fields, as Scoop's buckets have it.
pub const ORDER: [&str; 31] = [
    "$schema",
    "##",
    "_comment",
    "version",
    "description",
    "homepage",
    "license",
    "notes",
    "depends",
    "suggest",
    "cookie",
    "architecture",
    "url",
    "hash",
    "extract_dir",
    "extract_to",
    "innosetup",
    "pre_install",
    "installer",
    "post_install",
    "env_add_path",
    "env_set",
    "psmodule",
    "bin",
    "shortcuts",
    "persist",
    "pre_uninstall",
    "uninstaller",
    "post_uninstall",
    "checkver",
    "autoupdate",
];

/// One version of an app.
pub struct App<'a> {
    /// The release.
    pub release: &'a Release,
    /// The user's settings.
    pub settings: Settings<'a>,
    /// Name of the app, and of its file.
    pub name: String,
    /// Version.
    pub version: String,
}

impl<'a> App<'a> {
    /// Finds out what the app is; the findings say why it is none.
    pub fn open(release: &'a Release, settings: Settings<'a>, findings: &mut Findings) -> Option<Self> {
        let name =
            settings.text("name").map_or_else(|| text::slug(&release.name, &['-', '_', '.', '+']), str::to_owned);
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '+');
        if name.is_empty() || name.starts_with(['.', '-']) || !name.chars().all(is_name) {
            findings.error(
                "scoop-name",
                &format!("{name:?} is no name of an app"),
                "set `name`, for instance to my-tool",
            );
        }
        let version = text::line(&release.version);
        let is_version = !version.is_empty() && version.chars().all(is_name);
        if !is_version {
            let message = format!("Scoop takes no version {version:?}");
            findings.error("scoop-version", &message, "write letters, digits, - . + and _");
        }
        (!findings.is_fatal()).then_some(Self { release, settings, name, version })
    }

    /// Where the manifest lies in the bucket.
    pub fn path(&self) -> String {
        let folder = self.settings.text("path").unwrap_or("bucket").trim_matches('/');
        if folder == "." { format!("{}.json", self.name) } else { format!("{folder}/{}.json", self.name) }
    }

    /// Makes the manifest, on the ground of the one that stands there.
    pub fn manifest(&self, old: Option<&Fields>, findings: &mut Findings) -> Fields {
        let mut fields = Fields::new();
        fields.put("version", Value::text(&self.version));
        self.head(&mut fields, old, findings);
        let depends = self.release.dependencies.iter().filter(|(manager, _)| manager == "scoop");
        fields.put("depends", one_or_many(depends.map(|(_, name)| text::line(name)).collect()));
        let found = choose::artifacts(self.release, &["windows"], self.settings, findings);
        let blocks = blocks::of(self, &found, old, findings);
        if blocks.is_empty() && !findings.is_fatal() {
            let suggestion = "publish a zip or a portable .exe for Windows";
            findings.error("scoop-no-artifact", "the release has nothing that Scoop unpacks", suggestion);
        }
        blocks::put(&blocks, old, &mut fields);
        self.shortcuts(&mut fields, findings);
        renew::put(self, &blocks, old, &mut fields, findings);
        if let Some(old) = old {
            keep::rest(old, &mut fields);
        }
        fields.in_order(&ORDER)
    }

    fn head(&self, fields: &mut Fields, old: Option<&Fields>, findings: &mut Findings) {
        let release = self.release;
        let kept = |name: &str| old.and_then(|old| old.get(name)).cloned();
        let texts = release.default_texts();
        let summary = texts.map(|texts| text::line(&texts.summary)).filter(|summary| !summary.is_empty());
        let summary = self.settings.text("description").map(str::to_owned).or(summary);
        let told = texts.map(|texts| text::first_sentence(&texts.description)).filter(|text| !text.is_empty());
        let description = summary.or(told).map(|text| Value::Text(text::cut(&text, 250).unwrap_or(text)));
        match description.or_else(|| kept("description")) {
            Some(description) => fields.put("description", description),
            None => findings.warn("scoop-description", "the app has no description", "give the release a summary"),
        }
        let links = [self.settings.text("homepage"), release.link("homepage"), release.link("source")];
        let homepage = links.into_iter().flatten().map(str::trim).find(|url| web::is_link(url));
        match homepage.map(Value::text).or_else(|| kept("homepage")) {
            Some(homepage) => fields.put("homepage", homepage),
            None => findings.error("scoop-homepage", "the app has no homepage", "give the release a homepage"),
        }
        let license = self.settings.text("license").unwrap_or(&release.license_spdx).trim();
        if let Some(license) = license_of(license, release.license_url.as_deref()).or_else(|| kept("license")) {
            fields.put("license", license);
        } else {
            let suggestion =
                "give the release an SPDX expression, or set `license` to Freeware, Proprietary or the like";
            findings.error("scoop-license", "the app has no licence", suggestion);
        }
    }

    fn shortcuts(&self, fields: &mut Fields, findings: &mut Findings) {
        let rows = self.settings.rows("shortcuts");
        if rows.iter().any(|row| !(2..=4).contains(&row.len())) {
            let suggestion = "write `shortcuts = [[\"app.exe\", \"Name\"]]`";
            findings.error("bad-setting", "a shortcut has 2 to 4 parts: program, name, arguments, icon", suggestion);
        }
        fields.put("shortcuts", Value::List(rows.into_iter().map(Value::texts).collect()));
    }
}

/// A licence as Scoop writes it: `|` for a choice, `,` for all at once.
fn license_of(spdx: &str, url: Option<&str>) -> Option<Value> {
    if spdx.is_empty() {
        return None;
    }
    let id = |part: &License| match part {
        License::One { id, exception: None } => Some(id.clone()),
        License::One { id, exception: Some(exception) } => Some(format!("{id} WITH {exception}")),
        _ => None,
    };
    let all = |parts: &[License]| parts.iter().map(id).collect::<Option<Vec<_>>>();
    let short = match license::parse(spdx) {
        Some(License::Any(parts)) => all(&parts).map(|ids| ids.join("|")),
        Some(License::All(parts)) => all(&parts).map(|ids| ids.join(",")),
        Some(one) => id(&one),
        None => None,
    };
    let short = short.unwrap_or_else(|| text::line(spdx));
    let Some(url) = url.map(str::trim).filter(|url| web::is_link(url)) else { return Some(Value::Text(short)) };
    let mut fields = Fields::new();
    fields.put("identifier", Value::text(short));
    fields.put("url", Value::text(url));
    Some(Value::Map(fields))
}

/// A list of one item is written as the item.
pub fn one_or_many(mut values: Vec<String>) -> Value {
    if values.len() == 1 { Value::Text(values.remove(0)) } else { Value::texts(values) }
}

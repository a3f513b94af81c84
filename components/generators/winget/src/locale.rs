//! The texts of a package, one manifest a language.

use generator_common::{Fields, Findings, Value, text, web};
use turbo_component::manifest::{Diagnostic, Texts};

use crate::carry::Previous;
use crate::package::{Package, locale};

/// Order of the fields, as the schema has it.
const ORDER: [&str; 27] = [
    "PackageIdentifier",
    "PackageVersion",
    "PackageLocale",
    "Publisher",
    "PublisherUrl",
    "PublisherSupportUrl",
    "PrivacyUrl",
    "Author",
    "PackageName",
    "PackageUrl",
    "License",
    "LicenseUrl",
    "Copyright",
    "CopyrightUrl",
    "ShortDescription",
    "Description",
    "Moniker",
    "Tags",
    "Agreements",
    "ReleaseNotes",
    "ReleaseNotesUrl",
    "PurchaseUrl",
    "InstallationNotes",
    "Documentations",
    "Icons",
    "ManifestType",
    "ManifestVersion",
];

/// What belongs to one version alone, or to the file itself.
const NOT_KEPT: [&str; 8] = [
    "PackageIdentifier",
    "PackageVersion",
    "PackageLocale",
    "ReleaseNotes",
    "ReleaseNotesUrl",
    "ManifestType",
    "ManifestVersion",
    "Channel",
];

/// A locale manifest.
pub struct Locale {
    /// BCP 47 tag.
    pub tag: String,
    /// Whether it stands for all others.
    pub is_default: bool,
    /// Its fields.
    pub fields: Fields,
}

/// The default language first, then the release's others, then those that only
/// the previous version has.
pub fn manifests(package: &Package<'_>, previous: &Previous, findings: &mut Findings) -> Vec<Locale> {
    let empty = Texts {
        locale: package.default_locale.clone(),
        name: String::new(),
        summary: String::new(),
        description: String::new(),
        release_notes: None,
        tags: Vec::new(),
    };
    let all = &package.release.texts;
    let is_default = |texts: &&Texts| locale(&texts.locale).is_some_and(|tag| is_same(&tag, &package.default_locale));
    let default = all.iter().find(is_default).unwrap_or(&empty);
    let mut locales =
        vec![Writer { package, previous, findings, tag: package.default_locale.clone() }.default(default)];
    for texts in all.iter().filter(|texts| !is_default(texts)) {
        let Some(tag) = locale(&texts.locale) else {
            let message = format!("the texts in {:?} are left out: that is no BCP 47 tag", texts.locale);
            findings.warn("winget-locale", &message, "write it like de-DE");
            continue;
        };
        if locales.iter().any(|known| is_same(&known.tag, &tag)) {
            findings.warn("winget-locale", &format!("the release has texts in {tag} twice"), "leave one out");
            continue;
        }
        locales.push(Writer { package, previous, findings, tag }.other(texts));
    }
    for (tag, _) in &previous.locales {
        if !locales.iter().any(|known| is_same(&known.tag, tag)) {
            let texts = Texts { locale: tag.clone(), ..empty.clone() };
            locales.push(Writer { package, previous, findings, tag: tag.clone() }.other(&texts));
        }
    }
    locales
}

fn is_same(one: &str, two: &str) -> bool {
    one.eq_ignore_ascii_case(two)
}

struct Writer<'a, 'f> {
    package: &'a Package<'a>,
    previous: &'a Previous,
    findings: &'f mut Findings,
    tag: String,
}

impl Writer<'_, '_> {
    fn default(mut self, texts: &Texts) -> Locale {
        let (release, settings) = (self.package.release, self.package.settings);
        let mut fields = self.begin();
        let publisher = settings.text("publisher").unwrap_or(&release.publisher);
        let publisher =
            if publisher.trim().is_empty() { release.authors.first().map_or("", String::as_str) } else { publisher };
        self.required(&mut fields, ("Publisher", 2, 256), publisher, "set `publisher`");
        let own = if texts.name.trim().is_empty() { &release.name } else { &texts.name };
        let name = settings.text("package-name").unwrap_or(own);
        self.required(&mut fields, ("PackageName", 2, 256), name, "set `package-name`");
        let license = settings.text("license").unwrap_or(&release.license_spdx);
        self.required(
            &mut fields,
            ("License", 3, 512),
            license,
            "set `license` to an SPDX expression, or to Proprietary",
        );
        let summary = if texts.summary.trim().is_empty() {
            text::first_sentence(&texts.description)
        } else {
            texts.summary.clone()
        };
        self.required(&mut fields, ("ShortDescription", 3, 256), &summary, "give the release a summary");
        let authors: Vec<String> = release.authors.iter().map(|author| text::without_address(author)).collect();
        let authors = authors.join(", ");
        self.optional(&mut fields, ("Author", 2, 256), settings.text("author").or(Some(&authors)));
        self.optional(&mut fields, ("Copyright", 3, 512), release.copyright.as_deref());
        self.links(&mut fields);
        let moniker = settings.text("moniker").map(text::tag);
        self.optional(&mut fields, ("Moniker", 1, 40), moniker.as_deref());
        if let Some(notes) = settings.text("installation-notes") {
            self.long(&mut fields, ("InstallationNotes", 1, 10_000), notes);
        }
        self.texts(&mut fields, texts);
        self.finish(fields, true)
    }

    fn other(mut self, texts: &Texts) -> Locale {
        let mut fields = self.begin();
        self.optional(&mut fields, ("PackageName", 2, 256), Some(&texts.name));
        self.optional(&mut fields, ("ShortDescription", 3, 256), Some(&texts.summary));
        self.texts(&mut fields, texts);
        self.finish(fields, false)
    }

    fn begin(&self) -> Fields {
        let mut fields = self.package.identity();
        fields.put("PackageLocale", Value::text(&self.tag));
        fields
    }

    /// Adds what the previous version's file says and this one does not yet.
    fn finish(self, mut fields: Fields, is_default: bool) -> Locale {
        if let Some(kept) = self.previous.locale(&self.tag) {
            for (name, value) in kept.iter().filter(|(name, _)| !NOT_KEPT.contains(name)) {
                let is_known = ORDER.contains(&name) && (is_default || name != "Moniker");
                if is_known {
                    fields.put_missing(name, value.clone());
                } else {
                    let message = format!("the previous version's {name:?} is not kept: winget knows no such field");
                    self.findings.warn("winget-unknown-field", &message, "");
                }
            }
        }
        Locale { tag: self.tag, is_default, fields: fields.in_order(&ORDER) }
    }

    fn texts(&mut self, fields: &mut Fields, texts: &Texts) {
        self.long(fields, ("Description", 3, 10_000), &texts.description);
        if let Some(notes) = &texts.release_notes {
            self.long(fields, ("ReleaseNotes", 1, 10_000), notes);
        }
        let given =
            if self.tag == self.package.default_locale { self.package.settings.list("tags") } else { Vec::new() };
        let all = given.into_iter().chain(texts.tags.iter().map(String::as_str));
        let mut tags: Vec<String> = Vec::new();
        let mut left = Vec::new();
        for tag in all.map(text::tag).filter(|tag| !tag.is_empty()) {
            let is_known = tags.iter().any(|known| known.eq_ignore_ascii_case(&tag));
            if tag.chars().count() > 40 || (tags.len() == 16 && !is_known) {
                left.push(tag);
            } else if !is_known {
                tags.push(tag);
            }
        }
        if !left.is_empty() {
            let message = format!("tags left out: {}", left.join(", "));
            self.report("winget-tags", "Tags", &message, "winget takes 16 tags of at most 40 characters");
        }
        fields.put("Tags", Value::texts(tags));
    }

    fn links(&mut self, fields: &mut Fields) {
        let (release, settings) = (self.package.release, self.package.settings);
        let links = [
            ("PublisherUrl", settings.text("publisher-url")),
            ("PublisherSupportUrl", settings.text("support-url").or(release.link("bugs"))),
            ("PrivacyUrl", settings.text("privacy-url")),
            ("PackageUrl", release.link("homepage").or(release.link("source"))),
            ("LicenseUrl", release.license_url.as_deref()),
            ("CopyrightUrl", settings.text("copyright-url")),
            ("ReleaseNotesUrl", release.link("notes")),
        ];
        for (name, url) in links {
            let url = url.map(str::trim).filter(|url| !url.is_empty());
            if url.is_some_and(|url| !web::is_link(url)) {
                self.report(
                    "winget-url",
                    name,
                    &format!("{:?} is left out: it is no URL", url.unwrap_or_default()),
                    "",
                );
            } else {
                fields.put_text(name, url);
            }
        }
        if let Some(url) = release.link("docs").filter(|url| web::is_link(url)) {
            let kept = self.previous.locale(&self.tag).and_then(|kept| kept.get("Documentations"));
            let mut page = Fields::new();
            page.put("DocumentLabel", Value::text("Documentation"));
            page.put("DocumentUrl", Value::text(url));
            fields.put("Documentations", kept.cloned().unwrap_or(Value::List(vec![Value::Map(page)])));
        }
    }

    /// A field that has to be there; the previous version's helps out.
    fn required(&mut self, fields: &mut Fields, rule: (&str, usize, usize), value: &str, advice: &str) {
        let (name, least, _) = rule;
        let value = text::line(value);
        if value.chars().count() >= least {
            self.put(fields, rule, value);
        } else if self.previous.locale(&self.tag).and_then(|kept| kept.text(name)).is_none() {
            let message = format!("{name} is {value:?}, and winget wants at least {least} characters");
            let found = Diagnostic::error("winget-required", &message);
            self.findings.add(found.in_file(&self.path()), advice);
        }
    }

    fn optional(&mut self, fields: &mut Fields, rule: (&str, usize, usize), value: Option<&str>) {
        let value = text::line(value.unwrap_or_default());
        if value.chars().count() >= rule.1 {
            self.put(fields, rule, value);
        }
    }

    fn long(&mut self, fields: &mut Fields, rule: (&str, usize, usize), value: &str) {
        let value = text::paragraphs(value);
        if value.chars().count() >= rule.1 {
            self.put(fields, rule, value);
        }
    }

    fn put(&mut self, fields: &mut Fields, (name, _, most): (&str, usize, usize), value: String) {
        let shorter = text::cut(&value, most);
        if shorter.is_some() {
            let message = format!("{name} is cut to {most} characters");
            self.report("winget-text-cut", name, &message, "write a shorter one");
        }
        fields.put(name, Value::text(shorter.unwrap_or(value)));
    }

    fn report(&mut self, code: &str, name: &str, message: &str, advice: &str) {
        let found = Diagnostic::warning(code, message).in_file(&self.path());
        self.findings.add(Diagnostic { pointer: Some(format!("/{name}")), ..found }, advice);
    }

    fn path(&self) -> String {
        self.package.file(&self.package.version, &format!(".locale.{}", self.tag))
    }
}

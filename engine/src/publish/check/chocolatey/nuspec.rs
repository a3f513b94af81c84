//! The rules about a nuspec.

use std::collections::HashSet;

use super::super::name_of;
use super::super::report::{Place, Report};
use super::super::xml::Element;
use super::version::normalised;
use crate::model::excerpt::excerpt;

/// What the metadata of a package may say.
const FIELDS: [&str; 33] = [
    "id",
    "version",
    "title",
    "authors",
    "owners",
    "description",
    "summary",
    "releaseNotes",
    "copyright",
    "language",
    "licenseUrl",
    "license",
    "projectUrl",
    "projectSourceUrl",
    "packageSourceUrl",
    "docsUrl",
    "mailingListUrl",
    "bugTrackerUrl",
    "wikiUrl",
    "iconUrl",
    "icon",
    "readme",
    "requireLicenseAcceptance",
    "developmentDependency",
    "serviceable",
    "tags",
    "dependencies",
    "provides",
    "conflicts",
    "replaces",
    "references",
    "frameworkAssemblies",
    "repository",
];

/// The namespace that every client reads.
const NAMESPACE: &str = "http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd";
const NEWER_NAMESPACE: &str = "http://schemas.microsoft.com/packaging/2015/06/nuspec.xsd";

const MOST_DESCRIPTION: usize = 4000;
const LEAST_DESCRIPTION: usize = 30;
const LEAST_COPYRIGHT: usize = 4;

/// The metadata of a package.
#[derive(Clone, Copy)]
struct Metadata<'a>(&'a Element);

impl<'a> Metadata<'a> {
    /// A field that says something, and its text.
    fn get(self, name: &str) -> Option<(&'a Element, &'a str)> {
        let element = self.0.child(name)?;
        Some((element, element.text.trim())).filter(|(_, text)| !text.is_empty())
    }

    /// Where a field is, or should be.
    fn place(self, name: &str) -> Place {
        Place::Text(self.0.child(name).map_or(self.0.at, |element| element.at))
    }
}

/// Checks a nuspec.
pub(super) fn check(text: &str, root: &Element, path: &str, report: &mut Report<'_>) {
    let Some(metadata) = root.child("metadata").filter(|_| root.name == "package") else {
        report.error("structure", root.at, "a nuspec is a `package` with `metadata` inside");
        return;
    };
    check_namespace(root, report);
    check_fields(metadata, report);
    let metadata = Metadata(metadata);
    check_identity(metadata, path, report);
    check_texts(metadata, report);
    check_addresses(metadata, report);
    check_tags(metadata, report);
    check_leftovers(text, metadata, report);
    check_dependencies(metadata, report);
}

fn check_namespace(root: &Element, report: &mut Report<'_>) {
    match root.attribute("xmlns") {
        Some(NAMESPACE) => {}
        Some(NEWER_NAMESPACE) => {
            report.note("namespace", root.at, "old clients refuse this namespace").suggest(NAMESPACE);
        }
        Some(_) => report.warning("namespace", root.at, "this is an unusual namespace of a nuspec").suggest(NAMESPACE),
        None => report.warning("namespace", root.at, "the nuspec has no namespace").suggest(NAMESPACE),
    }
}

fn check_fields(metadata: &Element, report: &mut Report<'_>) {
    let mut seen = HashSet::new();
    for child in &metadata.children {
        let name = excerpt(&child.name);
        if !seen.insert(child.name.as_str()) {
            report.error("duplicate", child.at, format!("`{name}` stands here a second time"));
        }
        if FIELDS.contains(&child.name.as_str()) {
            continue;
        }
        match FIELDS.iter().find(|field| field.eq_ignore_ascii_case(&child.name)) {
            Some(field) => {
                let message = format!("`{name}` is written `{field}`: case matters");
                report.error("case", child.at, message).suggest(*field);
            }
            None => _ = report.warning("unknown", child.at, format!("there is no field `{name}` in a nuspec")),
        }
    }
}

fn check_identity(metadata: Metadata<'_>, path: &str, report: &mut Report<'_>) {
    for (code, name) in
        [("required", "id"), ("required", "version"), ("required", "authors"), ("CPMR0002", "description")]
    {
        if metadata.get(name).is_none() {
            report.error(code, metadata.place(name), format!("the field `{name}` is missing or empty"));
        }
    }
    if let Some((element, id)) = metadata.get("id") {
        check_id(element, id, report);
        let file = name_of(path);
        let stem = file.get(..file.len().saturating_sub(".nuspec".len())).unwrap_or_default();
        if !stem.eq_ignore_ascii_case(id) {
            report
                .warning("file-name", element.at, "the file has another name")
                .suggest(format!("{}.nuspec", excerpt(id)));
        }
    }
    if let Some((element, version)) = metadata.get("version") {
        match normalised(version) {
            None => {
                let message = format!("`{}` is no version that NuGet reads", excerpt(version));
                report.error("version", element.at, message);
            }
            Some(wanted) if wanted != version => {
                let message = "the gallery refuses a version that is not normalised";
                report.error("version", element.at, message).suggest(excerpt(&wanted));
            }
            Some(_) => {}
        }
    }
}

fn check_id(element: &Element, id: &str, report: &mut Report<'_>) {
    let lower = id.to_ascii_lowercase();
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if id.len() > 100 || !id.chars().all(allowed) {
        report.error("id", element.at, "an id is of at most 100 letters, digits and - _ .");
    }
    if lower.ends_with(".config") {
        report.error("CPMR0029", element.at, "an id does not end in .config");
    }
    let parts: Vec<&str> = lower.split(['.', '-', '_']).collect();
    if let Some(word) = ["alpha", "beta", "prerelease"].into_iter().find(|word| parts.contains(word)) {
        let message = format!("`{word}` belongs into the version, not into the id");
        report.error("CPMR0024", element.at, message);
    }
    if id != lower {
        report.note("id", element.at, "ids are in lower case by convention").suggest(excerpt(&lower));
    }
}

fn check_texts(metadata: Metadata<'_>, report: &mut Report<'_>) {
    if let Some((element, text)) = metadata.get("description") {
        let length = text.chars().count();
        if length > MOST_DESCRIPTION {
            let message = format!("the description has {length} characters; at most {MOST_DESCRIPTION} are allowed");
            report.error("CPMR0026", element.at, message);
        } else if length < LEAST_DESCRIPTION {
            let message = format!("the description has {length} characters; at least {LEAST_DESCRIPTION} are needed");
            report.error("CPMR0032", element.at, message);
        }
        if let Some(line) = text.lines().find(|line| is_broken_heading(line)) {
            let message = format!("`{}` is a heading only with a blank behind the #", excerpt(line));
            report.error("CPMR0030", element.at, message);
        }
    }
    if let Some((element, text)) = metadata.get("copyright")
        && text.chars().count() < LEAST_COPYRIGHT
    {
        report.error("CPMR0001", element.at, format!("a copyright has at least {LEAST_COPYRIGHT} characters"));
    }
    for name in ["authors", "owners", "copyright"] {
        if let Some((element, _)) = metadata.get(name).filter(|(_, text)| text.split_whitespace().any(is_email)) {
            report.error("CPMR0020", element.at, format!("an e-mail address in `{name}` is public for ever"));
        }
    }
    for name in ["title", "summary", "releaseNotes", "copyright"] {
        if metadata.get(name).is_none() {
            report.note("advised", metadata.place(name), format!("the field `{name}` is missing"));
        }
    }
}

/// `#Heading`, which Markdown takes for a text.
fn is_broken_heading(line: &str) -> bool {
    let rest = line.trim_start_matches('#');
    let level = line.len() - rest.len();
    (1..=6).contains(&level) && rest.starts_with(|letter: char| letter.is_alphanumeric())
}

fn is_email(word: &str) -> bool {
    let word = word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('/'))
}

fn check_addresses(metadata: Metadata<'_>, report: &mut Report<'_>) {
    if metadata.get("projectUrl").is_none() {
        report.error("CPMR0009", metadata.place("projectUrl"), "the field `projectUrl` is missing");
    }
    let accepts = metadata.get("requireLicenseAcceptance").is_some_and(|(_, text)| text.eq_ignore_ascii_case("true"));
    if accepts && metadata.get("licenseUrl").is_none() && metadata.get("license").is_none() {
        let message = "a licence has to be accepted, but the field `licenseUrl` is missing";
        report.error("CPMR0007", metadata.place("requireLicenseAcceptance"), message);
    }
    for name in ["licenseUrl", "packageSourceUrl", "iconUrl"] {
        let stands_in = name.trim_end_matches("Url");
        if metadata.get(name).is_none() && metadata.get(stands_in).is_none() {
            report.note("advised", metadata.place(name), format!("the field `{name}` is missing"));
        }
    }
    for (element, url) in FIELDS.iter().filter(|name| name.ends_with("Url")).filter_map(|name| metadata.get(name)) {
        if url.starts_with("http://") {
            report
                .warning("https", element.at, "this is not secure")
                .suggest(excerpt(&url.replacen("http", "https", 1)));
        } else if !url.starts_with("https://") {
            report.error("url", element.at, format!("`{}` is no URL", excerpt(url)));
        }
    }
}

fn check_tags(metadata: Metadata<'_>, report: &mut Report<'_>) {
    match metadata.get("tags") {
        None => _ = report.error("CPMR0023", metadata.place("tags"), "the field `tags` is missing"),
        Some((element, tags)) if tags.contains(',') => {
            let message = "tags are separated by blanks, not by commas";
            let words: Vec<&str> = tags.split([',', ' ']).filter(|word| !word.is_empty()).collect();
            report.error("CPMR0014", element.at, message).suggest(excerpt(&words.join(" ")));
        }
        Some((element, tags)) => {
            let names = tags.split_whitespace();
            if let Some(tag) = names.into_iter().find(|tag| tag.eq_ignore_ascii_case("chocolatey")) {
                report.warning("tags", element.at, format!("every package has something to do with `{tag}`"));
            }
        }
    }
}

/// What `choco new` writes for authors to replace.
const TEMPLATES: [&str; 4] = ["__REPLACE", "__replace", "tag1 tag2", "_Software Location REMOVE"];

fn check_leftovers(text: &str, metadata: Metadata<'_>, report: &mut Report<'_>) {
    for child in &metadata.0.children {
        if TEMPLATES.iter().any(|left| child.text.contains(left)) {
            report.error("CPMR0019", child.at, format!("`{}` is still as the template has it", excerpt(&child.name)));
        }
    }
    let comments = ["Do not remove this test for UTF-8", "Read this before creating packages"];
    if let Some(at) = comments.iter().find_map(|comment| text.find(comment)) {
        let place = super::super::place::Lines::new(text).position(at);
        report.note("template", place, "this comment is the template's");
    }
}

fn check_dependencies(metadata: Metadata<'_>, report: &mut Report<'_>) {
    let Some(dependencies) = metadata.0.child("dependencies") else { return };
    for dependency in dependencies.children.iter().filter(|child| child.name == "dependency") {
        let Some(id) = dependency.attribute("id").filter(|id| !id.is_empty()) else {
            report.error("dependency", dependency.at, "a dependency needs an id");
            continue;
        };
        if dependency.attribute("version").is_none() {
            report.note("dependency", dependency.at, format!("any version of `{}` is taken", excerpt(id)));
        }
    }
}

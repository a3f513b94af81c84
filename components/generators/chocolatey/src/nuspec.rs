//! The nuspec: what the gallery shows.

use generator_common::{Findings, markup, text, web};

use crate::package::Package;
use crate::version;

/// The oldest namespace, which every client reads.
const NAMESPACE: &str = "http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd";

/// Writes the nuspec.
pub fn write(package: &Package<'_>, findings: &mut Findings) -> String {
    let (release, settings) = (package.release, package.settings);
    let mut out = Writer(String::new());
    out.element("id", &package.id);
    out.element("version", &package.version);
    let texts = release.default_texts();
    let name = texts.map(|texts| text::line(&texts.name)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| text::line(&release.name));
    out.url("packageSourceUrl", settings.text("package-source-url"), findings);
    out.element("owners", &text::line(settings.text("owners").unwrap_or_default()));
    out.element("title", settings.text("title").unwrap_or(&name));
    out.element("authors", &authors(package, findings));
    let project = settings.text("project-url").or(release.link("homepage")).or(release.link("source"));
    if project.is_none_or(|url| !web::is_link(url)) {
        findings.error("choco-project-url", "a package has a projectUrl (CPMR0009)", "give the release a homepage");
    }
    out.url("projectUrl", project, findings);
    out.url("iconUrl", settings.text("icon-url").or(release.link("icon")), findings);
    let copyright = text::line(release.copyright.as_deref().unwrap_or_default());
    if (1..=4).contains(&copyright.chars().count()) {
        findings.warn("choco-copyright", "a copyright has more than four characters (CPMR0001): it is left out", "");
    } else {
        out.element("copyright", &copyright);
    }
    let license = settings.text("license-url").or(release.license_url.as_deref());
    let accept = settings.switch("require-license-acceptance", false, findings);
    if accept && license.is_none() {
        let message = "a licence to accept has a licenseUrl (CPMR0007)";
        findings.error("choco-license-url", message, "give the release a license-url");
    }
    out.url("licenseUrl", license, findings);
    out.element("requireLicenseAcceptance", if accept { "true" } else { "false" });
    out.url("projectSourceUrl", settings.text("project-source-url").or(release.link("source")), findings);
    out.url("docsUrl", settings.text("docs-url").or(release.link("docs")), findings);
    out.url("mailingListUrl", settings.text("mailing-list-url"), findings);
    out.url("bugTrackerUrl", settings.text("bug-tracker-url").or(release.link("bugs")), findings);
    out.element("tags", &tags(package, findings));
    let summary = settings.text("summary").or(texts.map(|texts| texts.summary.as_str())).unwrap_or_default();
    let summary = text::line(summary);
    out.element("summary", &summary);
    out.element("description", &description(package, &summary, findings));
    out.element("releaseNotes", &notes(package, findings));
    dependencies(package, &mut out, findings);
    let Writer(metadata) = out;
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<package xmlns=\"{NAMESPACE}\">\n  <metadata>\n{metadata}  </metadata>\n</package>\n"
    )
}

struct Writer(String);

impl Writer {
    fn element(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            text::push(&mut self.0, format_args!("    <{name}>{}</{name}>\n", markup::escaped(value)));
        }
    }

    fn url(&mut self, name: &str, url: Option<&str>, findings: &mut Findings) {
        let Some(url) = url.map(str::trim).filter(|url| !url.is_empty()) else { return };
        if web::is_link(url) {
            self.element(name, url);
        } else {
            findings.warn("choco-url", &format!("{name} is left out: {url:?} is no URL"), "");
        }
    }
}

/// Who wrote the program, without mail addresses (CPMR0020).
fn authors(package: &Package<'_>, findings: &mut Findings) -> String {
    let given = package.settings.list("authors");
    let authors: Vec<String> = if given.is_empty() {
        let told = package.release.authors.iter().map(|author| text::without_address(author));
        told.filter(|author| !author.is_empty()).collect()
    } else {
        given.into_iter().map(text::without_address).collect()
    };
    let authors =
        if authors.is_empty() { text::without_address(&package.release.publisher) } else { authors.join(", ") };
    if authors.is_empty() {
        findings.error("choco-authors", "a package has authors", "give the release a publisher or authors");
    }
    authors
}

/// Words without commas (CPMR0014), one at least (CPMR0023).
fn tags(package: &Package<'_>, findings: &mut Findings) -> String {
    let told = package.release.default_texts().map(|texts| texts.tags.as_slice()).unwrap_or_default();
    let given = package.settings.list("tags");
    let all = given.into_iter().chain(told.iter().map(String::as_str));
    let mut tags: Vec<String> = Vec::new();
    for tag in all.map(|tag| text::tag(tag).replace(',', "-").to_lowercase()) {
        if !tag.is_empty() && tag != "chocolatey" && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.is_empty() {
        findings.warn("choco-tags", "a package has tags (CPMR0023): its own name is taken", "give the release tags");
        tags.push(package.id.to_lowercase());
    }
    tags.join(" ")
}

fn description(package: &Package<'_>, summary: &str, findings: &mut Findings) -> String {
    let told = package.release.default_texts().map(|texts| texts.description.as_str());
    let told = package.settings.text("description").or(told).unwrap_or_default();
    let mut description = headings(&text::paragraphs(told));
    // Too short for the gallery (CPMR0032).
    if description.chars().count() <= 30 && !summary.is_empty() && summary != description {
        description = text::paragraphs(&format!("{summary}\n\n{description}"));
    }
    if description.is_empty() {
        findings.error(
            "choco-description",
            "a package has a description (CPMR0002)",
            "give the release a summary or a description",
        );
    } else if description.chars().count() <= 30 {
        let message = "a description has more than 30 characters (CPMR0032)";
        findings.warn("choco-description-short", message, "say more in the release's description");
    }
    match text::cut(&description, 4000) {
        Some(shorter) => {
            findings.warn(
                "choco-text-cut",
                "the description is cut to 4000 characters (CPMR0026)",
                "write a shorter one",
            );
            shorter
        }
        None => description,
    }
}

/// The gallery wants a blank behind the marks of a heading (CPMR0030).
fn headings(markdown: &str) -> String {
    let mut is_code = false;
    let lines = markdown.split('\n').map(|line| {
        is_code ^= line.trim_start().starts_with("```");
        let marks = line.bytes().take_while(|byte| *byte == b'#').count();
        let is_heading =
            !is_code && (1..=6).contains(&marks) && !line[marks..].starts_with([' ', '#']) && line.len() > marks;
        if is_heading { format!("{} {}", &line[..marks], &line[marks..]) } else { line.to_owned() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn notes(package: &Package<'_>, findings: &mut Findings) -> String {
    let told = package.release.default_texts().and_then(|texts| texts.release_notes.as_deref());
    let notes = text::paragraphs(package.settings.text("release-notes").or(told).unwrap_or_default());
    let link = package.release.link("notes").filter(|url| web::is_link(url)).unwrap_or_default();
    let cut = text::cut(&notes, 10_000);
    if cut.is_some() {
        findings.warn("choco-text-cut", "the release notes are cut to 10000 characters", "write shorter ones");
    }
    let notes = cut.unwrap_or(notes);
    [notes.as_str(), link].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn dependencies(package: &Package<'_>, out: &mut Writer, findings: &mut Findings) {
    let of_ours = |manager: &str| matches!(manager, "chocolatey" | "choco");
    let mut lines = String::new();
    for (_, wanted) in package.release.dependencies.iter().filter(|(manager, _)| of_ours(manager)) {
        let (id, range) =
            match wanted.split_once(">=").map(|pair| (pair, false)).or(wanted.split_once('=').map(|pair| (pair, true)))
            {
                Some(((id, least), is_exact)) => {
                    (id.trim(), version::normalise(least.trim()).map(|found| (found.version, is_exact)))
                }
                None => (wanted.trim(), None),
            };
        let is_id =
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if !is_id || (wanted.contains('=') && range.is_none()) {
            let message = format!("{wanted:?} names no package of Chocolatey");
            findings.error("choco-dependency", &message, "write name, name >= 1.2.0 or name = 1.2.0");
            continue;
        }
        let version = match range {
            Some((version, true)) => format!(" version=\"[{version}]\""),
            Some((version, false)) => format!(" version=\"{version}\""),
            None => String::new(),
        };
        text::push(&mut lines, format_args!("      <dependency id=\"{id}\"{version} />\n"));
    }
    if !lines.is_empty() {
        text::push(&mut out.0, format_args!("    <dependencies>\n{lines}    </dependencies>\n"));
    }
}

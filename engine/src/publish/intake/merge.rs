//! One release out of what the sources say: complete, checked, bounded.

use std::collections::BTreeSet;

use glob::Pattern;

use super::{IntakeError, MOST_ARTIFACTS, Planned, ReleaseTable, platform, project, public_url, read_text};
use crate::model::release::{Pairs, Release, Texts};

/// Longest single text.
const TEXT_BYTES: usize = 64 << 10;
/// Longest licence.
const LICENSE_BYTES: usize = 256 << 10;
/// Longest name and version.
const NAME_BYTES: usize = 128;
/// Languages, and words of a list.
const MOST_TEXTS: usize = 200;

/// The artifacts, with what our own file overrules, without what it leaves out.
pub(super) fn artifacts(
    planned: Vec<Planned>,
    overrides: Vec<Planned>,
    table: &ReleaseTable,
) -> Result<Vec<Planned>, IntakeError> {
    let [include, exclude] = [patterns(&table.include)?, patterns(&table.exclude)?];
    let mut all = planned;
    all.retain(|artifact| {
        let name = artifact.name();
        let is_listed = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(&name));
        (include.is_empty() || is_listed(&include)) && !is_listed(&exclude)
    });
    for own in overrides {
        match all.iter_mut().find(|artifact| artifact.name() == own.name()) {
            Some(artifact) => *artifact = overruled(artifact, own),
            None => all.push(own),
        }
    }
    match all.len() {
        0 => Err(IntakeError::NoArtifact),
        many if many > MOST_ARTIFACTS => Err(IntakeError::TooMany(many)),
        _ => Ok(all),
    }
}

fn patterns(texts: &[String]) -> Result<Vec<Pattern>, IntakeError> {
    let wrong = |text: &str, error: glob::PatternError| IntakeError::Pattern {
        pattern: text.to_owned(),
        why: error.to_string(),
    };
    texts.iter().map(|text| Pattern::new(text).map_err(|error| wrong(text, error))).collect()
}

fn overruled(found: &Planned, own: Planned) -> Planned {
    let found = found.clone();
    Planned {
        id: own.id.or(found.id),
        file_name: own.file_name.or(found.file_name),
        path: own.path.or(found.path),
        url: own.url.or(found.url),
        trust: found.trust,
        os: own.os.or(found.os),
        arch: own.arch.or(found.arch),
        libc: own.libc.or(found.libc),
        format: own.format.or(found.format),
        installer_type: own.installer_type.or(found.installer_type),
        binaries: if own.binaries.is_empty() { found.binaries } else { own.binaries },
        digests: if own.digests.is_empty() { found.digests } else { own.digests },
        extra: if own.extra.is_empty() { found.extra } else { own.extra },
    }
}

/// The release, without its artifacts.
pub(super) fn release(
    table: &ReleaseTable,
    artifacts: &[Planned],
    today: &str,
    from: &[String],
) -> Result<Release, IntakeError> {
    let missing = |key| IntakeError::Missing { key, from: from.to_vec() };
    let name = table.name.clone().ok_or_else(|| missing("name"))?;
    let version = table.version.clone().ok_or_else(|| missing("version"))?;
    let tag = table.tag.clone().unwrap_or_else(|| format!("v{version}"));
    for (key, value) in [("name", &name), ("version", &version), ("tag", &tag)] {
        check_name(key, value)?;
    }
    let date = table.date.clone().unwrap_or_else(|| today.to_owned());
    if !is_date(&date) {
        return Err(IntakeError::Field { key: "date".into(), value: date, why: "is not of the form YYYY-MM-DD" });
    }
    let source = table.source.as_deref().and_then(project::on_github).map(|(owner, _)| owner.to_owned());
    let publisher = table.publisher.clone().or_else(|| table.authors.first().cloned()).or(source);
    let license_text = table.license_file.as_deref().map(read_text).transpose()?;
    let release = Release {
        prerelease: table.prerelease.unwrap_or_else(|| version.split('+').next().is_some_and(|it| it.contains('-'))),
        date,
        publisher: publisher.unwrap_or_default(),
        authors: table.authors.clone(),
        links: links(table, artifacts, &tag)?,
        license_spdx: table.license.clone().unwrap_or_default(),
        license_url: table.license_url.clone(),
        license_text: license_text.filter(|text| text.len() <= LICENSE_BYTES),
        copyright: table.copyright.clone(),
        default_locale: table.locale.clone().unwrap_or_else(|| "en-US".into()),
        texts: texts(table, &name)?,
        dependencies: dependencies(table),
        artifacts: Vec::new(),
        extra: table.extra.clone().into_iter().collect(),
        name,
        version,
        tag,
    };
    check_texts(&release)?;
    Ok(release)
}

/// Pages, by role.
fn links(table: &ReleaseTable, artifacts: &[Planned], tag: &str) -> Result<Pairs, IntakeError> {
    let source = table.source.clone();
    // Where artifacts hang on a release of GitHub, that release has a page.
    let releases = source.as_deref().map(|source| format!("{source}/releases/"));
    let is_there = |base: &String| {
        let download = format!("{base}download/");
        let is_below = |url: &str| url.starts_with(&download);
        artifacts.iter().any(|artifact| match &artifact.url {
            Some(url) => is_below(url.as_str()),
            None => template(table).is_some_and(|url| is_below(&url)),
        })
    };
    let page = releases.filter(is_there).map(|base| format!("{base}tag/{tag}"));
    let all = [
        ("homepage", table.homepage.clone().or_else(|| source.clone())),
        ("source", source),
        ("docs", table.docs.clone()),
        ("bugs", table.bugs.clone()),
        ("notes", table.notes.clone().or(page)),
        ("icon", table.icon.clone()),
    ];
    let mut links = Pairs::new();
    for (role, url) in all.into_iter().filter_map(|(role, url)| Some((role, url?))) {
        if public_url(&url).is_err() {
            return Err(IntakeError::Field { key: role.into(), value: url, why: "is no public URL" });
        }
        links.push((role.to_owned(), url));
    }
    Ok(links)
}

fn texts(table: &ReleaseTable, name: &str) -> Result<Vec<Texts>, IntakeError> {
    let notes = match &table.release_notes_file {
        Some(path) if table.release_notes.is_none() => Some(read_text(path)?),
        _ => table.release_notes.clone(),
    };
    let locale = table.locale.clone().unwrap_or_else(|| "en-US".into());
    let default = Texts {
        name: table.display_name.clone().unwrap_or_else(|| name.to_owned()),
        summary: table.summary.clone().unwrap_or_default(),
        description: table.description.clone().unwrap_or_default(),
        release_notes: notes.map(|text| text.replace("\r\n", "\n")),
        tags: table.tags.clone(),
        locale,
    };
    let mut all = vec![default];
    for texts in &table.texts {
        if texts.locale.is_empty() || all.iter().any(|other| other.locale == texts.locale) {
            let value = texts.locale.clone();
            return Err(IntakeError::Field {
                key: "texts.locale".into(),
                value,
                why: "is empty or stands there twice",
            });
        }
        all.push(Texts {
            name: if texts.name.is_empty() { all[0].name.clone() } else { texts.name.clone() },
            ..texts.clone()
        });
    }
    Ok(all)
}

fn dependencies(table: &ReleaseTable) -> Pairs {
    let pairs = table.dependencies.iter();
    pairs.flat_map(|(manager, names)| names.iter().map(|name| (manager.clone(), name.clone()))).collect()
}

/// Gives every artifact its URL, name and identifier, each once.
pub(super) fn published(
    artifacts: Vec<Planned>,
    table: &ReleaseTable,
    release: &Release,
) -> Result<Vec<Planned>, IntakeError> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::with_capacity(artifacts.len());
    for mut artifact in artifacts {
        let name = artifact.name();
        check_name("artifact", &name)?;
        if artifact.url.is_none() {
            let template = template(table).ok_or_else(|| IntakeError::NoUrl { file: name.clone() })?;
            let url = filled(&template, release, &name);
            let parsed = public_url(&url);
            let why = "makes no public URL of download-url";
            artifact.url =
                Some(parsed.map_err(|_| IntakeError::Field { key: "artifact".into(), value: name.clone(), why })?);
        }
        let named = platform::of_name(&name);
        artifact.os = artifact.os.or_else(|| named.os.map(str::to_owned));
        artifact.arch = artifact.arch.or_else(|| named.arch.map(str::to_owned));
        artifact.libc = artifact.libc.or_else(|| named.libc.map(str::to_owned));
        let id = artifact.id.clone().unwrap_or_else(|| name.clone());
        if !seen.insert(id.clone()) {
            return Err(IntakeError::Twice(id));
        }
        artifact.id = Some(id);
        artifact.file_name = Some(name);
        all.push(artifact);
    }
    Ok(all)
}

/// Where artifacts are that name no URL.
fn template(table: &ReleaseTable) -> Option<String> {
    let of_github = || {
        let (owner, name) = project::on_github(table.source.as_deref()?)?;
        Some(format!("https://github.com/{owner}/{name}/releases/download/{{tag}}/{{file}}"))
    };
    table.download_url.clone().or_else(of_github)
}

fn filled(template: &str, release: &Release, file: &str) -> String {
    let values = [("{name}", &release.name), ("{version}", &release.version), ("{tag}", &release.tag)];
    let url = values.iter().fold(template.to_owned(), |url, (key, value)| url.replace(key, &encoded(value)));
    url.replace("{file}", &encoded(file))
}

fn encoded(text: &str) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const SEGMENT: &AsciiSet =
        &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>').add(b'?').add(b'%').add(b'`');
    utf8_percent_encode(text, SEGMENT).to_string()
}

fn check_name(key: &str, value: &str) -> Result<(), IntakeError> {
    let wrong = |why| Err(IntakeError::Field { key: key.to_owned(), value: value.chars().take(80).collect(), why });
    let is_foreign = |letter: char| {
        letter.is_control()
            || letter.is_whitespace() && !matches!(key, "name" | "artifact")
            || "\\\"<>|*?".contains(letter)
    };
    match value {
        "" => wrong("is empty"),
        _ if value.len() > NAME_BYTES.max(if key == "artifact" { 240 } else { 0 }) => wrong("is too long"),
        _ if value.contains(is_foreign) => wrong("has characters that no file name has"),
        _ if value.contains("..") || value.starts_with(['-', '/']) => wrong("looks like a path or an option"),
        _ if value.contains('/') && key != "tag" => wrong("has a slash"),
        _ => Ok(()),
    }
}

fn is_date(text: &str) -> bool {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|digits| digits.parse::<u8>().ok());
    shape
        && number(5..7).is_some_and(|month| (1..=12).contains(&month))
        && number(8..10).is_some_and(|day| (1..=31).contains(&day))
}

/// Holds every text against its bounds.
fn check_texts(release: &Release) -> Result<(), IntakeError> {
    let counts = [release.texts.len(), release.authors.len(), release.dependencies.len(), release.extra.len()];
    let words = release.texts.iter().map(|texts| texts.tags.len());
    if counts.into_iter().chain(words).any(|count| count > MOST_TEXTS) {
        let value = MOST_TEXTS.to_string();
        return Err(IntakeError::Field { key: "longest list".into(), value, why: "entries are the most of one list" });
    }
    let of_texts = release.texts.iter().flat_map(|texts| {
        let notes = texts.release_notes.iter();
        [&texts.name, &texts.summary, &texts.description, &texts.locale].into_iter().chain(notes).chain(&texts.tags)
    });
    let single = [&release.publisher, &release.license_spdx].into_iter().chain(&release.copyright);
    let pairs = release.dependencies.iter().chain(&release.extra).flat_map(|(key, value)| [key, value]);
    for text in of_texts.chain(single).chain(&release.authors).chain(pairs) {
        let is_foreign = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t' | '\r');
        if text.len() > TEXT_BYTES || text.contains(is_foreign) {
            let value = text.chars().filter(|letter| !letter.is_control()).take(40).collect();
            let why = "is longer than 64 KiB or has control characters";
            return Err(IntakeError::Field { key: "text".into(), value, why });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, version: &str) -> ReleaseTable {
        ReleaseTable { name: Some(name.into()), version: Some(version.into()), ..ReleaseTable::default() }
    }

    fn planned(name: &str) -> Planned {
        Planned { file_name: Some(name.into()), ..Planned::default() }
    }

    #[test]
    fn what_is_left_out_follows() {
        let table = ReleaseTable { source: Some("https://github.com/o/r".into()), ..table("tool", "1.0.0-rc.1") };
        let release = release(&table, &[], "2026-01-02", &[]).unwrap();
        assert_eq!((release.tag.as_str(), release.prerelease, release.publisher.as_str()), ("v1.0.0-rc.1", true, "o"));
        assert_eq!((release.date.as_str(), release.texts[0].locale.as_str()), ("2026-01-02", "en-US"));
        let all = published(vec![planned("t win64.zip")], &table, &release).unwrap();
        let url = all[0].url.as_ref().unwrap().as_str();
        assert_eq!(url, "https://github.com/o/r/releases/download/v1.0.0-rc.1/t%20win64.zip");
        assert_eq!((all[0].os.as_deref(), all[0].arch.as_deref()), (Some("windows"), Some("x64")));
    }

    #[test]
    fn build_metadata_makes_no_prerelease() {
        assert!(!release(&table("t", "1.0.0+a-b"), &[], "2026-01-02", &[]).unwrap().prerelease);
    }

    #[test]
    fn names_that_are_paths_are_refused() {
        for (name, version) in [("../t", "1"), ("t", "1/2"), ("t", "../1"), ("", "1"), ("t", "1 2"), ("-t", "1")] {
            assert!(release(&table(name, version), &[], "2026-01-02", &[]).is_err(), "{name} {version}");
        }
        let dated = ReleaseTable { date: Some("2026-13-01".into()), ..table("t", "1") };
        assert!(release(&dated, &[], "2026-01-02", &[]).is_err());
    }

    #[test]
    fn our_own_file_overrules_by_name() {
        let own = Planned { arch: Some("arm64".into()), ..planned("b.zip") };
        let all = artifacts(vec![planned("a.zip"), planned("b.zip")], vec![own], &table("t", "1")).unwrap();
        assert_eq!((all.len(), all[1].arch.as_deref()), (2, Some("arm64")));
        let chosen = ReleaseTable { include: vec!["a*".into()], ..table("t", "1") };
        assert_eq!(artifacts(vec![planned("a.zip"), planned("b.zip")], Vec::new(), &chosen).unwrap().len(), 1);
    }

    #[test]
    fn nothing_is_published_twice_or_without_a_url() {
        let release = release(&table("t", "1"), &[], "2026-01-02", &[]).unwrap();
        let twice = ReleaseTable { download_url: Some("https://a.example/{file}".into()), ..table("t", "1") };
        let two = vec![planned("a.zip"), planned("a.zip")];
        assert!(matches!(published(two, &twice, &release), Err(IntakeError::Twice(_))));
        assert!(matches!(
            published(vec![planned("a.zip")], &table("t", "1"), &release),
            Err(IntakeError::NoUrl { .. })
        ));
    }
}

//! Whether every URL and every digest of an output is the release's own.
//!
//! Pure text search: it knows no format, so that no format can hide anything
//! from it. Outputs are plain UTF-8; escapes of JSON, YAML and XML are undone
//! before a second look.

use std::collections::BTreeSet;

use url::Url;

use super::confine::quoted;
use super::intake::is_package;
use super::violation::Violation;
use crate::model::delivery::{Delivery, PriorFile};
use crate::model::release::{Pairs, Release};

/// What any manifest may name besides: the schemas of the formats themselves.
const SCHEMAS: [&str; 6] = [
    "https://aka.ms/winget-manifest.",
    "http://schemas.microsoft.com/packaging/20",
    "http://www.w3.org/2001/XMLSchema",
    "https://raw.githubusercontent.com/ScoopInstaller/Scoop/master/schema.json",
    "https://docs.brew.sh/",
    "https://rubydoc.brew.sh/",
];

/// Digits of the digests that are looked for: SHA-256 and SHA-512.
const DIGITS: [usize; 2] = [64, 128];
/// Most violations of one file that are told.
const TOLD: usize = 20;

/// What an output may name.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    urls: BTreeSet<String>,
    digests: BTreeSet<String>,
    version: String,
}

impl Sources {
    /// Everything that the release and the user's settings name, and the pages
    /// that the destination named before. Of the latter no download: its bytes
    /// are another version's.
    pub fn of(release: &Release, settings: &Pairs, prior: &[PriorFile]) -> Self {
        let mut sources = Self { version: release.version.clone(), ..Self::default() };
        for artifact in &release.artifacts {
            sources.url(&artifact.url);
            // The repository that a release of GitHub belongs to.
            if let Some((repository, _)) = artifact.url.split_once("/releases/download/")
                && repository.starts_with("https://github.com/")
            {
                sources.url(repository);
            }
            sources.digests.extend(artifact.digests.iter().map(crate::model::Digest::hex));
        }
        let texts = release.texts.iter().flat_map(|texts| {
            [&texts.summary, &texts.description].into_iter().chain(&texts.release_notes).chain(&texts.tags)
        });
        let own = release.license_url.iter().chain(&release.license_text).chain(&release.copyright);
        let pairs = release.links.iter().chain(&release.extra).chain(settings).map(|(_, value)| value);
        let of_artifacts = release.artifacts.iter().flat_map(|artifact| artifact.extra.iter().map(|(_, value)| value));
        for text in texts.chain(own).chain(pairs).chain(of_artifacts) {
            urls(text).for_each(|url| sources.url(url));
            sources.digests.extend(digests(text).map(str::to_ascii_lowercase));
        }
        for file in prior {
            let text = String::from_utf8_lossy(file.content.as_deref().unwrap_or_default());
            urls(&text).filter(|url| !is_download(url)).for_each(|url| sources.url(url));
        }
        sources
    }

    fn url(&mut self, text: &str) {
        for form in forms(text) {
            self.urls.extend(normal(form));
        }
    }

    /// What is wrong with the texts of deliveries.
    pub(super) fn check(&self, deliveries: &[Delivery]) -> Vec<Violation> {
        let mut wrong = Vec::new();
        for delivery in deliveries {
            for file in delivery.files() {
                match text(&file.content) {
                    Ok(text) => wrong.extend(self.check_text(&file.path, text)),
                    Err(why) => wrong.push(Violation::Text { path: quoted(&file.path), why }),
                }
            }
            match delivery {
                Delivery::GitChange(change) => {
                    wrong.extend(self.check_text("the title", &change.title));
                    wrong.extend(self.check_text("the text of the change", &change.body));
                }
                Delivery::Nupkg(package) => match text(package.nuspec.as_bytes()) {
                    Ok(text) => wrong.extend(self.check_text("the nuspec", text)),
                    Err(why) => wrong.push(Violation::Text { path: "the nuspec".into(), why }),
                },
                Delivery::Files { .. } | Delivery::Oci(_) => {}
            }
        }
        wrong
    }

    fn check_text(&self, path: &str, text: &str) -> Vec<Violation> {
        let plain = unescaped(text);
        let looks = if plain == text { vec![text] } else { vec![text, &plain] };
        let mut wrong = Vec::new();
        for text in looks {
            let foreign = urls(text).filter(|url| !self.knows_url(url, path));
            wrong.extend(foreign.map(|url| Violation::Url { path: quoted(path), url: quoted(url) }));
            let foreign = digests(text).filter(|digest| !self.digests.contains(&digest.to_ascii_lowercase()));
            wrong.extend(foreign.map(|digest| Violation::Digest { path: quoted(path), digest: digest.to_owned() }));
        }
        wrong.dedup();
        wrong.truncate(TOLD);
        wrong
    }

    fn knows_url(&self, url: &str, path: &str) -> bool {
        // XML has an escape within a URL that stays one on the first look.
        let filled = filled(&unescaped(url), path, &self.version);
        forms(&filled).any(|form| {
            SCHEMAS.iter().any(|schema| form.starts_with(schema))
                || normal(form).is_some_and(|url| self.urls.contains(&url))
        })
    }
}

/// Plain text: UTF-8 without characters that other readers take for an end, or
/// that hide what follows.
fn text(content: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(content).map_err(|_| "is not text in UTF-8")?;
    let is_foreign = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t');
    if text.contains(is_foreign) { Err("has control characters") } else { Ok(text) }
}

/// The URLs in a text, each up to what cannot be part of one.
fn urls(text: &str) -> impl Iterator<Item = &str> {
    let lower = text.to_ascii_lowercase();
    let starts: Vec<usize> = lower
        .match_indices("://")
        .map(|(at, _)| {
            let scheme =
                lower[..at].bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
            at - scheme.count()
        })
        .collect();
    starts.into_iter().map(move |start| {
        let rest = &text[start..];
        let is_end = |letter: char| letter.is_whitespace() || letter.is_control() || "\"'<>`\\|^".contains(letter);
        let end = rest.find(is_end).unwrap_or(rest.len());
        // A link of Markdown whose text is a URL as well.
        let end = rest[..end].find("](").unwrap_or(end);
        &rest[..end]
    })
}

/// A URL, and what is left of it without the punctuation of the text around it.
fn forms(url: &str) -> impl Iterator<Item = &str> {
    let mut next = Some(url);
    std::iter::from_fn(move || {
        let form = next?;
        let shorter = form.strip_suffix(|letter: char| ".,;:!?)]}*_".contains(letter));
        next = shorter;
        Some(form)
    })
}

/// A URL as a browser would write it, without its fragment.
fn normal(text: &str) -> Option<String> {
    let mut url: Url = text.parse().ok()?;
    url.set_fragment(None);
    Some(url.to_string())
}

/// Whether a URL leads to something that is installed.
fn is_download(url: &str) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.trim_end_matches(['.', ',', ')', ';']).rsplit('/').next().unwrap_or_default();
    is_package(name)
}

/// The runs of hexadecimal digits that are as long as a digest.
fn digests(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_hexdigit()).filter(|run| DIGITS.contains(&run.len()))
}

/// A URL with the version in the place of what stands for it: Scoop's variables
/// in JSON, and an interpolation in Ruby. Nowhere else does either mean that.
fn filled(url: &str, path: &str, version: &str) -> String {
    match path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase().as_str() {
        "rb" => return url.replace("#{version}", version),
        "json" if url.contains('$') => {}
        _ => return url.to_owned(),
    }
    let numbers: Vec<&str> = version.split(['.', '-', '+']).collect();
    let number = |nth: usize| (*numbers.get(nth).unwrap_or(&"")).to_owned();
    let (core, tail) = version.split_once('-').unwrap_or((version, ""));
    // The longer names first: some begin with others.
    let variables = [
        ("$underscoreVersion", version.replace('.', "_")),
        ("$preReleaseVersion", tail.to_owned()),
        ("$cleanVersion", version.replace('.', "")),
        ("$majorVersion", number(0)),
        ("$minorVersion", number(1)),
        ("$patchVersion", number(2)),
        ("$buildVersion", number(3)),
        ("$dashVersion", version.replace('.', "-")),
        ("$matchHead", core.to_owned()),
        ("$matchTail", version[core.len()..].to_owned()),
        ("$version", version.to_owned()),
    ];
    variables.iter().fold(url.to_owned(), |url, (name, value)| url.replace(name, value))
}

/// The text with the escapes of JSON, YAML and XML undone, as far as they could
/// hide a URL or a digest.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '&']) {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        let (letter, length) = escape(rest).unwrap_or_else(|| (rest.chars().next().expect("found above"), 1));
        plain.push(letter);
        rest = &rest[length..];
    }
    plain.push_str(rest);
    plain
}

/// The escape that a text begins with: the character and its length.
fn escape(text: &str) -> Option<(char, usize)> {
    let coded = |from: usize, digits: usize| {
        let code = u32::from_str_radix(text.get(from..from + digits)?, 16).ok()?;
        Some((char::from_u32(code)?, from + digits))
    };
    match text.as_bytes() {
        [b'\\', b'/', ..] => Some(('/', 2)),
        [b'\\', b'x', ..] => coded(2, 2),
        [b'\\', b'u', ..] => coded(2, 4),
        [b'\\', b'U', ..] => coded(2, 8),
        [b'&', b'#', ..] => {
            let end = text.get(..12).unwrap_or(text).find(';')?;
            let number = &text[2..end];
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            Some((char::from_u32(code)?, end + 1))
        }
        [b'&', ..] if text.starts_with("&amp;") => Some(('&', 5)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::OutputFile;
    use crate::model::release::{Artifact, Texts};
    use crate::model::{Algorithm, Digest};

    fn release() -> Release {
        let digest = |algorithm: Algorithm| Digest::new(algorithm, &vec![0xab; algorithm.bytes()]).unwrap();
        Release {
            name: "tool".into(),
            version: "1.2.3-rc.1".into(),
            links: vec![("homepage".into(), "https://tool.example".into())],
            texts: vec![Texts { description: "See [docs](https://docs.example/a).".into(), ..Texts::default() }],
            artifacts: vec![Artifact {
                url: "https://dl.example/v1.2.3-rc.1/tool-1.2.3-rc.1.zip?a=1&b=2".into(),
                digests: vec![digest(Algorithm::Sha256), digest(Algorithm::Sha512)],
                ..Artifact::default()
            }],
            ..Release::default()
        }
    }

    fn codes(path: &str, content: &str) -> Vec<&'static str> {
        let prior = PriorFile {
            path: "p".into(),
            content: Some(b"u: https://old.example/page v: https://old.example/tool-1.zip".to_vec()),
        };
        let sources = Sources::of(&release(), &vec![("icon".into(), "https://i.example/i.png".into())], &[prior]);
        let files = vec![OutputFile { path: path.into(), content: content.into() }];
        sources.check(&[Delivery::Files { files }]).iter().map(Violation::code).collect()
    }

    #[test]
    fn what_the_release_names_passes() {
        let own = "https://dl.example/v1.2.3-rc.1/tool-1.2.3-rc.1.zip?a=1&b=2";
        for content in [
            format!("url: {own}"),
            format!("<url>{}</url>", own.replace('&', "&amp;")),
            format!("\"{}\"", own.replace('/', "\\/")),
            format!("(see {own})."),
            "[https://tool.example](https://tool.example/)".to_owned(),
            "HTTPS://TOOL.example#top, https://docs.example/a; https://i.example/i.png".to_owned(),
            "PublisherUrl: https://old.example/page".to_owned(),
            "# $schema=https://aka.ms/winget-manifest.version.1.12.0.schema.json".to_owned(),
            format!("{} {}", "AB".repeat(32), "ab".repeat(64)),
            "a run of another length: 0123456789abcdef".to_owned(),
        ] {
            assert_eq!(codes("f.txt", &content), [""; 0], "{content}");
        }
    }

    #[test]
    fn what_it_does_not_name_is_refused() {
        for content in [
            "https://evil.example/tool.zip",
            "https://dl.example/v1.2.3-rc.1/tool-1.2.3-rc.1.zip",
            "https://tool.example)evil",
            "https://tool.example@evil.example/",
            "https://tool.example.evil.example",
            "hTTps://evil.example",
            "ftp://tool.example/f",
            "h\\u0074tps:\\/\\/evil.example",
            "\"https:\\x2f\\x2fevil.example\"",
            "https&#58;//evil.example",
            "https://old.example/tool-1.zip",
            "[https://tool.example](https://evil.example)",
        ] {
            assert!(codes("f.txt", content).contains(&"foreign-url"), "{content}");
        }
        for content in ["cd".repeat(32), "CD".repeat(64), format!("{}\\x30", "c".repeat(63))] {
            assert!(codes("f.txt", &content).contains(&"foreign-digest"), "{content}");
        }
        assert_eq!(codes("f.txt", "a\0b"), ["not-text"]);
    }

    #[test]
    fn variables_stand_for_the_version_where_they_do() {
        let scoop = "\"https://dl.example/v$version/tool-$matchHead$matchTail.zip?a=1&b=2\"";
        assert_eq!(codes("bucket/tool.json", scoop), [""; 0]);
        assert_eq!(codes("tools/install.ps1", scoop), ["foreign-url"]);
        assert_eq!(codes("Formula/t.rb", "\"https://dl.example/v#{version}/tool-#{version}.zip?a=1&b=2\""), [""; 0]);
        assert_eq!(codes("bucket/tool.json", "https://evil.example/$version"), ["foreign-url"]);
    }

    proptest::proptest! {
        /// A URL or a digest of somebody else is found wherever it stands.
        #[test]
        fn nothing_hides_in_text(before in ".{0,40}[ \"'<>(\n]", after in "[ \"'<>\n].{0,40}") {
            let before: String = before.chars().filter(|letter| !letter.is_control() || *letter == '\n').collect();
            let foreign = format!("{before}https://evil.example/x{after}");
            let foreign: String = foreign.chars().filter(|letter| !letter.is_control() || *letter == '\n').collect();
            assert!(codes("f.txt", &foreign).contains(&"foreign-url"), "{foreign:?}");
            let digest = "cd".repeat(32);
            let foreign = format!("{before}{digest}\n");
            assert!(codes("f.txt", &foreign).contains(&"foreign-digest"), "{foreign:?}");
        }

        /// Any text at all is looked through without a panic.
        #[test]
        fn any_text_is_looked_through(text in "(\\\\[uxU/]?|&#?x?|[0-9a-f]{1,4}|://|.){0,60}") {
            let _ = (unescaped(&text), urls(&text).count(), digests(&text).count(), codes("a.json", &text));
        }
    }
}

//! Judges outputs: by the official schemas, by other parsers than those of the
//! generators, and by what the release says.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::{Draft, Validator};
use quick_xml::Reader;
use quick_xml::events::Event as Xml;
use serde_json::Value;

use super::samples::Sample;
use crate::rig::yaml;

/// Material beside the repository.
pub fn shared() -> Option<PathBuf> {
    std::env::var_os("TURBO_ENGINE_SHARED").map(PathBuf::from)
}

/// The official schemas by the type of file, if they are at hand.
pub struct Judge {
    schemas: BTreeMap<&'static str, Validator>,
    judged: Cell<usize>,
}

impl Judge {
    pub fn winget(version: &str) -> Self {
        let kinds = ["version", "installer", "defaultLocale", "locale"];
        let of = |shared: PathBuf| {
            let path = |kind: &str| shared.join(format!("schemas/winget/{version}/manifest.{kind}.{version}.json"));
            kinds.into_iter().map(|kind| (kind, schema(&path(kind)))).collect()
        };
        Self { schemas: shared().map(of).unwrap_or_default(), judged: Cell::new(0) }
    }

    pub fn scoop() -> Self {
        let of = |shared: PathBuf| BTreeMap::from([("scoop", schema(&shared.join("schemas/scoop/schema.json")))]);
        Self { schemas: shared().map(of).unwrap_or_default(), judged: Cell::new(0) }
    }

    /// How many files a schema took.
    pub fn told(&self) -> String {
        format!("{} judged by their schema", self.judged.get())
    }

    /// Whether a schema takes a value.
    pub fn takes(&self, kind: &str, value: &Value) -> bool {
        self.schemas.get(kind).is_none_or(|schema| schema.is_valid(value))
    }

    fn take(&self, kind: &str, what: &str, value: &Value, problems: &mut Vec<String>) {
        if self.schemas.is_empty() {
            return;
        }
        let Some(schema) = self.schemas.get(kind) else {
            return problems.push(format!("{what}: no schema for {kind:?}"));
        };
        let errors = schema.iter_errors(value).map(|error| format!("{what}, {}: {error}", error.instance_path()));
        problems.extend(errors);
        self.judged.set(self.judged.get() + 1);
    }
}

fn schema(path: &Path) -> Validator {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let schema: Value = serde_json::from_slice(&text).expect("a schema is JSON");
    let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
    options.build(&schema).expect("an official schema")
}

/// Notes a problem unless all is well.
fn hold(problems: &mut Vec<String>, is_well: bool, problem: impl FnOnce() -> String) {
    if !is_well {
        problems.push(problem());
    }
}

/// Checks the files of a version; returns how many there are.
pub fn check_winget(
    judge: &Judge,
    version: &str,
    made: (&Sample, &[(String, String)]),
    problems: &mut Vec<String>,
) -> usize {
    let (sample, files) = made;
    for (path, text) in files {
        let what = format!("{}, {path}", sample.name);
        hold(problems, !text.replace("\r\n", "").contains(['\r', '\n']), || format!("{what}: a line without CRLF"));
        let is_placed = path.starts_with("manifests/") || path.starts_with("fonts/");
        hold(problems, is_placed, || format!("{what}: elsewhere"));
        let value = match yaml(text) {
            Ok(value) => value,
            Err(reason) => {
                problems.push(format!("{what}: {reason}\n{text}"));
                continue;
            }
        };
        let kind = value["ManifestType"].as_str().unwrap_or_default();
        let schema = format!("https://aka.ms/winget-manifest.{kind}.{version}.schema.json");
        let head = format!("# yaml-language-server: $schema={schema}\r\n\r\n");
        hold(problems, text.contains(&head), || format!("{what}: no head for {kind}"));
        judge.take(kind, &what, &value, problems);
        for (field, wanted) in sample.says.iter().filter(|_| kind == "defaultLocale") {
            let found = value[*field].as_str();
            hold(problems, found == Some(wanted.as_str()), || format!("{what}: {field} is {found:?}, not {wanted:?}"));
        }
    }
    files.len()
}

/// Checks a manifest of Scoop.
pub fn check_scoop(judge: &Judge, what: &str, text: &str, problems: &mut Vec<String>) {
    let is_formatted = !text.replace("\r\n", "").contains(['\r', '\n', '\t']) && text.ends_with("}\r\n");
    let has_blanks = text.lines().any(|line| line.trim_end() != line);
    hold(problems, is_formatted && !has_blanks, || format!("{what}: the format\n{text}"));
    match serde_json::from_str::<Value>(text) {
        Ok(value) => judge.take("scoop", what, &value, problems),
        Err(error) => problems.push(format!("{what}: {error}\n{text}")),
    }
}

/// Checks a nuspec and what stands beside it.
pub fn check_nuspec(what: &str, nuspec: &str, files: &[(String, String)], problems: &mut Vec<String>) {
    let texts = match elements(nuspec) {
        Ok(texts) => texts,
        Err(reason) => return problems.push(format!("{what}: {reason}\n{nuspec}")),
    };
    let text = |name: &str| texts.get(&format!("package/metadata/{name}")).map_or("", |text| text.trim());
    for name in ["id", "version", "authors", "description", "projectUrl", "tags"] {
        hold(problems, !text(name).is_empty(), || format!("{what}: no {name}\n{nuspec}"));
    }
    let numbers: Vec<&str> = text("version").split('-').next().unwrap_or_default().split('.').collect();
    let is_normal = |number: &&str| number.parse::<u32>().is_ok_and(|value| value.to_string() == **number);
    let is_version = (3..=4).contains(&numbers.len()) && numbers.iter().all(is_normal);
    hold(problems, is_version, || format!("{what}: {:?} is not normalised", text("version")));
    hold(problems, text("description").chars().count() <= 4000, || format!("{what}: a long description"));
    let Some((_, install)) = files.iter().find(|(path, _)| path == "tools/chocolateyInstall.ps1") else {
        return problems.push(format!("{what}: no script"));
    };
    for line in install.lines().filter(|line| line.contains(" = ")) {
        // Each text in single quotes begins and ends.
        hold(problems, line.matches('\'').count() % 2 == 0, || format!("{what}: {line}"));
    }
}

/// Texts of a document by the path of their element, with entities undone.
fn elements(document: &str) -> Result<BTreeMap<String, String>, String> {
    let mut reader = Reader::from_str(document);
    let mut path: Vec<String> = Vec::new();
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let added = match reader.read_event().map_err(|error| error.to_string())? {
            Xml::Start(tag) => {
                path.push(String::from_utf8_lossy(tag.name().as_ref()).into_owned());
                continue;
            }
            Xml::End(_) => {
                path.pop();
                continue;
            }
            Xml::Text(text) => text.decode().map_err(|error| error.to_string())?.into_owned(),
            Xml::GeneralRef(name) => match name.decode().map_err(|error| error.to_string())?.as_ref() {
                "amp" => "&".to_owned(),
                "lt" => "<".to_owned(),
                "gt" => ">".to_owned(),
                "quot" => "\"".to_owned(),
                other => return Err(format!("an entity {other}")),
            },
            Xml::Eof => return Ok(texts),
            _ => continue,
        };
        texts.entry(path.join("/")).or_default().push_str(&added);
    }
}

/// Checks a formula or a cask.
pub fn check_ruby(what: &str, text: &str, problems: &mut Vec<String>) {
    let is_placed = what.contains("Formula/") || what.contains("Casks/");
    let is_formatted = text.ends_with("end\n") && !text.contains("\n\n\n") && !text.contains('\r');
    hold(problems, is_placed && is_formatted, || format!("{what}: the place or the format\n{text}"));
    let mut depth = 0_i32;
    for line in text.lines().map(str::trim) {
        let opens = line.ends_with(" do") || ["class ", "def ", "if "].iter().any(|word| line.starts_with(word));
        depth += i32::from(opens) - i32::from(line == "end");
        hold(problems, depth >= 0, || format!("{what}: an end too many\n{text}"));
        if let Some(desc) = line.strip_prefix("desc ") {
            // Escapes and quotes count for nothing.
            let length = desc.trim_matches('"').replace('\\', "").chars().count();
            hold(problems, length <= 80, || format!("{what}: {length} characters: {desc}"));
        }
    }
    hold(problems, depth == 0, || format!("{what}: a block without end\n{text}"));
}

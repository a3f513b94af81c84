//! Our rules beside the official schemas: what those flag, we flag, and what
//! is right we leave alone.
//!
//! The schemas and the real manifests lie outside of the repository; without
//! `TURBO_ENGINE_SHARED` there is nothing to compare with.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use jsonschema::{Draft, Validator};
use serde_json::Value;
use turbo_engine::model::delivery::OutputFile;
use turbo_engine::model::diagnostic::{Diagnostic, Severity};
use turbo_engine::publish::Manager;
use turbo_engine::publish::check::check;

use super::mutate::{Mutant, mutants, yaml};
use super::sets::{self, Set};

/// Codes of rules that say no more than a schema does. Those of the others
/// may flag what a schema leaves alone.
const STRUCTURE: [&str; 6] = ["type", "length", "pattern", "items", "unique", "range"];

fn shared() -> Option<PathBuf> {
    std::env::var_os("TURBO_ENGINE_SHARED").map(PathBuf::from)
}

fn schema(path: &Path) -> Validator {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let schema: Value = serde_json::from_slice(&text).expect("a schema is JSON");
    let options = jsonschema::options().with_draft(Draft::Draft7).should_validate_formats(true);
    // The crate knows JavaScript's expressions; those of Scoop are .NET's.
    let options = options.with_format("regex", |_: &str| true);
    options.build(&schema).expect("an official schema")
}

fn errors(findings: &[Diagnostic]) -> Vec<&Diagnostic> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).collect()
}

/// How often which of the two flagged a mutant.
#[derive(Debug, Default)]
struct Tally {
    mutants: usize,
    both: usize,
    ours_alone: usize,
    neither: usize,
}

impl Tally {
    #[track_caller]
    fn take(&mut self, what: &str, theirs: bool, findings: &[Diagnostic]) {
        let ours = errors(findings);
        assert!(!theirs || !ours.is_empty(), "the schema flags and we do not: {what}");
        let structural = |finding: &&&Diagnostic| {
            let code = finding.code.split_once('-').map_or("", |(_, code)| code);
            STRUCTURE.contains(&code) && !finding.message.contains("regular expression")
        };
        if !theirs && let Some(finding) = ours.iter().find(structural) {
            panic!("we flag by structure what the schema takes: {what}: {finding:?}");
        }
        self.mutants += 1;
        match (theirs, ours.is_empty()) {
            (true, _) => self.both += 1,
            (false, false) => self.ours_alone += 1,
            (false, true) => self.neither += 1,
        }
    }
}

/// The schemas of one version, by the type of file.
fn winget_schemas(shared: &Path, version: &str) -> BTreeMap<&'static str, Validator> {
    let kinds = ["version", "installer", "defaultLocale", "locale"];
    let path = |kind: &str| shared.join(format!("schemas/winget/{version}/manifest.{kind}.{version}.json"));
    kinds.into_iter().map(|kind| (kind, schema(&path(kind)))).collect()
}

fn file(set: &Set, suffix: &str, value: &Value) -> OutputFile {
    let kind = value["ManifestType"].as_str().unwrap_or("version");
    let head =
        format!("# yaml-language-server: $schema=https://aka.ms/winget-manifest.{kind}.{}.schema.json\n\n", set.schema);
    OutputFile { path: set.path(suffix), content: (head + &yaml(value)).into_bytes() }
}

fn files(set: &Set) -> Vec<OutputFile> {
    set.files.iter().map(|(suffix, value)| file(set, suffix, value)).collect()
}

/// The official schemas are not needed for this part.
#[test]
fn winget_manifests_that_are_right_are_left_alone() {
    let sets = sets::all();
    assert!(sets.len() >= 12, "too few sets");
    for set in sets {
        let found = check(Manager::Winget, &files(&set));
        assert!(errors(&found).is_empty(), "{}: {:#?}", set.id, errors(&found));
    }
}

#[test]
#[ignore = "needs TURBO_ENGINE_SHARED"]
fn what_the_schemas_of_winget_flag_is_flagged() {
    let Some(shared) = shared() else { return };
    let mut tally = Tally::default();
    let schemas: BTreeMap<_, _> =
        ["1.10.0", "1.12.0"].map(|version| (version, winget_schemas(&shared, version))).into();
    for set in sets::all() {
        for (number, (suffix, value)) in set.files.iter().enumerate() {
            let kind = value["ManifestType"].as_str().expect("a type");
            let validator = &schemas[set.schema][kind];
            assert!(validator.is_valid(value), "{}{suffix} is not right", set.id);
            let mut others = files(&set);
            // The same few fields are in every set: a sample of the changes will do.
            for mutant in mutants(value).into_iter().enumerate().filter(|(at, _)| at % 3 == number % 3).map(|(_, m)| m)
            {
                let theirs = !validator.is_valid(&mutant.value);
                others[number] = file(&set, suffix, &mutant.value);
                let what = format!("{}{suffix}{}", set.id, mutant.what);
                tally.take(&what, theirs, &check(Manager::Winget, &others));
            }
        }
    }
    println!("{tally:?}");
    assert!(tally.both >= 500, "too few mutants: {tally:?}");
}

/// No schema sees a key that stands twice, or one in another case.
#[test]
fn what_no_schema_sees_is_flagged() {
    for set in sets::all() {
        for number in 0..set.files.len() {
            let good = files(&set);
            let text = String::from_utf8(good[number].content.clone()).expect("written here");
            let line = text.lines().find(|line| line.starts_with("PackageVersion:")).expect("a version");
            let camel = text.replacen("PackageVersion:", "packageVersion:", 1);
            for (code, changed) in [("winget-duplicate", format!("{text}{line}\n")), ("winget-case", camel)] {
                let mut files = good.clone();
                files[number].content = changed.into_bytes();
                let found = check(Manager::Winget, &files);
                assert!(errors(&found).iter().any(|finding| finding.code == code), "{}: no {code}", good[number].path);
            }
        }
    }
}

fn real_manifests(shared: &Path) -> Vec<OutputFile> {
    let folder = fs::read_dir(shared.join("manifests/scoop")).expect("real manifests");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("a readable entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        OutputFile { path: format!("bucket/{name}"), content: fs::read(path).expect("a readable file") }
    };
    let mut files: Vec<OutputFile> = folder.map(read).collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

#[test]
#[ignore = "needs TURBO_ENGINE_SHARED"]
fn no_real_manifest_of_scoop_is_refused() {
    let Some(shared) = shared() else { return };
    let manifests = real_manifests(&shared);
    assert!(manifests.len() >= 100, "{} manifests", manifests.len());
    let start = Instant::now();
    let found = check(Manager::Scoop, &manifests);
    println!("{} manifests of Scoop in {:?}, {} findings", manifests.len(), start.elapsed(), found.len());
    assert!(errors(&found).is_empty(), "{:#?}", errors(&found));
}

#[test]
#[ignore = "needs TURBO_ENGINE_SHARED"]
fn what_the_schema_of_scoop_flags_is_flagged() {
    let Some(shared) = shared() else { return };
    let validator = schema(&shared.join("schemas/scoop/schema.json"));
    let mut tally = Tally::default();
    for (number, manifest) in real_manifests(&shared).iter().enumerate() {
        let value: Value = serde_json::from_slice(&manifest.content).expect("a real manifest is JSON");
        assert!(validator.is_valid(&value), "{} is not right", manifest.path);
        let all = mutants(&value);
        let step = (all.len() / 24).max(1);
        for Mutant { what, value } in all.into_iter().skip(number % step).step_by(step) {
            let content = serde_json::to_vec_pretty(&value).expect("plain data");
            let found = check(Manager::Scoop, &[OutputFile { path: manifest.path.clone(), content }]);
            tally.take(&format!("{}{what}", manifest.path), !validator.is_valid(&value), &found);
        }
    }
    println!("{tally:?}");
    assert!(tally.both >= 500, "too few mutants: {tally:?}");
}

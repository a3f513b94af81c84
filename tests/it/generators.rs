//! The built generators, on many releases, judged by the official schemas.
//!
//! The committed components run as a user's would, under the engine's limits.
//! Every YAML file is read by another parser than the generators' own. The
//! schemas lie outside of the repository; where `TURBO_ENGINE_SHARED` does not
//! name them, the outputs are read but not judged.

mod judge;
mod samples;

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use toml::Table;

use crate::rig::Engine;
use judge::{Judge, check_nuspec, check_ruby, check_scoop, check_winget};
use samples::{Sample, samples};

/// What one generator made of one release.
struct Made {
    name: String,
    expect: Table,
}

impl Made {
    /// Files by path, those of a nupkg with its nuspec.
    fn files(&self) -> Vec<(String, String)> {
        let deliveries = self.expect.get("deliveries").and_then(toml::Value::as_array);
        let mut files = Vec::new();
        for delivery in deliveries.into_iter().flatten() {
            let text = |value: &toml::Value| value.as_str().expect("a text").to_owned();
            if let Some(nuspec) = delivery.get("nuspec") {
                files.push(("package.nuspec".to_owned(), text(nuspec)));
            }
            let written = delivery["files"].as_table().expect("files by path");
            files.extend(written.iter().map(|(path, content)| (path.clone(), text(content))));
        }
        files
    }
}

fn built(generator: &str) -> PathBuf {
    format!("{}/../components/dist/{generator}.wasm", env!("CARGO_MANIFEST_DIR")).into()
}

/// Runs a committed generator on cases, and reads what it answers.
fn make(generator: &str, cases: Vec<Table>) -> Vec<Made> {
    let engine = Engine::new();
    fs::create_dir(engine.path("cases")).expect("scratch is writable");
    let document = Table::from_iter([("case".to_owned(), cases.into())]);
    engine.write("cases/releases.toml", toml::to_string(&document).expect("tables are TOML"));
    let component = built(generator);
    let arguments =
        ["component", "test", component.to_str().expect("a path"), "--cases", "cases", "--update", "--json"];
    let run = engine.run(arguments).exits(0);
    let events = run.events();
    // The engine's limit is 500 million.
    let fuel = |event: &Value| event["fuel"].as_u64();
    let most = events.iter().filter_map(fuel).max().expect("cases");
    assert!(most < 100_000_000, "{generator} used {most} fuel");
    let document: Table = String::from_utf8(engine.read("cases/releases.toml")).expect("TOML").parse().expect("TOML");
    let cases = document["case"].as_array().expect("cases").iter();
    let made = cases.map(|case| Made {
        name: case["name"].as_str().expect("a name").to_owned(),
        expect: case["expect"].as_table().expect("an answer").clone(),
    });
    made.collect()
}

/// Runs a generator on every sample. It has to refuse those that say so, with
/// advice, and no other; and to find no fault with what it makes itself.
fn make_samples(generator: &str, more: &[(&str, &str)], problems: &mut Vec<String>) -> Vec<(Sample, Made)> {
    let samples = samples();
    assert!(samples.len() >= 30, "too few releases: {}", samples.len());
    let made = make(generator, samples.iter().map(|sample| sample.case(generator, more)).collect());
    let pairs: Vec<(Sample, Made)> = samples.into_iter().zip(made).collect();
    for (sample, made) in &pairs {
        let refused = made.expect.get("refused").and_then(toml::Value::as_array);
        if refused.is_some() != sample.refused_by.contains(&generator) {
            problems.push(format!("{generator}, {}: refused with {refused:?}", sample.name));
        }
        let errors = refused.into_iter().flatten().filter(|found| found["severity"].as_str() == Some("error"));
        let mute = errors.filter(|found| found.get("suggestion").is_none());
        problems.extend(mute.map(|found| format!("{generator}, {}: no advice in {found}", sample.name)));
        if let Some(findings) = made.expect.get("findings") {
            problems.push(format!("{generator}, {}: {findings}", sample.name));
        }
    }
    pairs
}

#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn winget_manifests_are_valid() {
    let mut problems = Vec::new();
    for version in ["1.12.0", "1.10.0"] {
        let judge = Judge::winget(version);
        let mut files = 0;
        for (sample, made) in make_samples("winget", &[("manifest-version", version)], &mut problems) {
            files += check_winget(&judge, version, (&sample, &made.files()), &mut problems);
        }
        println!("winget {version}: {files} files, {}", judge.told());
        assert!(files > 100, "too few files: {files}");
    }
    assert_none(&problems);
}

#[test]
fn scoop_manifests_are_valid() {
    let judge = Judge::scoop();
    let (mut files, mut problems) = (0, Vec::new());
    for (sample, made) in make_samples("scoop", &[], &mut problems) {
        for (path, text) in made.files() {
            check_scoop(&judge, &format!("{}, {path}", sample.name), &text, &mut problems);
            files += 1;
        }
    }
    println!("scoop: {files} files, {}", judge.told());
    assert!(files >= 30, "too few files: {files}");
    assert_none(&problems);
}

#[test]
fn chocolatey_packages_are_sound() {
    let (mut packages, mut problems) = (0, Vec::new());
    for (sample, made) in make_samples("chocolatey", &[], &mut problems) {
        let files = made.files();
        if let Some((_, nuspec)) = files.iter().find(|(path, _)| path == "package.nuspec") {
            check_nuspec(sample.name, nuspec, &files, &mut problems);
            packages += 1;
        }
    }
    assert!(packages >= 30, "too few packages: {packages}");
    assert_none(&problems);
}

#[test]
fn homebrew_formulae_are_sound() {
    let (mut files, mut problems) = (0, Vec::new());
    for (sample, made) in make_samples("homebrew", &[], &mut problems) {
        for (path, text) in made.files() {
            check_ruby(&format!("{}, {path}", sample.name), &text, &mut problems);
            files += 1;
        }
    }
    assert!(files >= 30, "too few files: {files}");
    assert_none(&problems);
}

/// What a release decides of an app; the rest of a manifest is people's.
const DECIDED: [&str; 11] = [
    "version",
    "description",
    "homepage",
    "license",
    "url",
    "hash",
    "architecture",
    "extract_dir",
    "bin",
    "autoupdate",
    "innosetup",
];

/// Real manifests of Scoop's main bucket, each brought to a next version: what
/// people wrote in them stays, and the schema still takes them.
#[test]
fn real_manifests_of_scoop_are_updated() {
    let Some(shared) = judge::shared() else {
        println!("TURBO_ENGINE_SHARED is not set: no bucket to update");
        return;
    };
    let folder = fs::read_dir(shared.join("manifests/scoop")).expect("manifests of a bucket");
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let name = |path: &PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let texts: Vec<String> = paths.iter().map(|path| fs::read_to_string(path).expect("a manifest")).collect();
    let cases = paths.iter().zip(&texts).map(|(path, text)| samples::update_of(&name(path), text));
    let judge = Judge::scoop();
    let (mut odd, mut problems) = (0, Vec::new());
    let made = make("scoop", cases.collect());
    assert!(made.len() > 100, "too few manifests: {}", made.len());
    for (made, prior) in made.iter().zip(&texts) {
        let files = made.files();
        let [(_, text)] = files.as_slice() else {
            problems.push(format!("{}: {:?}", made.name, made.expect));
            continue;
        };
        let found: Value = serde_json::from_str(text).expect("JSON");
        let prior: Value = serde_json::from_str(prior).expect("JSON");
        // Some have expressions that .NET takes and the schema's dialect does not.
        if judge.takes("scoop", &prior) {
            check_scoop(&judge, &made.name, text, &mut problems);
        } else {
            odd += 1;
        }
        let kept = prior.as_object().expect("an object").iter().filter(|(key, _)| !DECIDED.contains(&key.as_str()));
        // `github` stands for the homepage, which is another one now.
        let kept = kept.filter(|(key, value)| *key != "checkver" || **value != "github");
        let lost = kept.filter(|(key, value)| found[key.as_str()] != **value);
        problems.extend(lost.map(|(key, _)| format!("{}: {key} is lost", made.name)));
    }
    println!("{} manifests of a real bucket, {}, {odd} odd before", made.len(), judge.told());
    assert!(odd < 10, "the schema takes too few of the originals");
    assert_none(&problems);
}

//! The action and the workflows: what their files promise, and the scripts
//! behind them, run on this machine.

#[cfg(unix)]
mod github_release;
#[cfg(unix)]
mod install;
#[cfg(unix)]
mod own;
#[cfg(unix)]
mod script;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::rig::yaml;

const ACTION: &str = ".github/actions/publish/action.yml";
const SCRIPT: &str = ".github/actions/publish/publish.sh";
const RELEASE: &str = ".github/workflows/release.yml";
const CI: &str = ".github/workflows/ci.yml";

/// A file of the repository.
fn committed(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(committed(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn parsed(name: &str) -> Value {
    yaml(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Every value under a key, at any depth.
fn all<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| all(item, key)).collect(),
        Value::Object(fields) => {
            let deeper = fields.values().flat_map(|field| all(field, key));
            fields.get(key).into_iter().chain(deeper).collect()
        }
        _ => Vec::new(),
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("a map").keys().map(String::as_str).collect()
}

/// Whoever can choose a branch's or a tag's name would write the script.
#[test]
fn no_expression_stands_in_a_script() {
    for (file, least) in [(ACTION, 1), (RELEASE, 6), (CI, 6)] {
        let document = parsed(file);
        let scripts: Vec<&str> = all(&document, "run").into_iter().filter_map(Value::as_str).collect();
        assert!(scripts.len() >= least, "{file}: {scripts:?}");
        for script in scripts {
            assert!(!script.contains("${{"), "{file}: {script}");
        }
    }
}

/// A token that can write is in the hands of the jobs that need one.
#[test]
fn permissions_are_named_and_few() {
    for file in [RELEASE, CI] {
        assert_eq!(parsed(file)["permissions"], json!({"contents": "read"}), "{file}");
    }
    let release = parsed(RELEASE);
    let jobs = release["jobs"].as_object().expect("jobs");
    let may_write: Vec<(&str, &str)> = jobs
        .iter()
        .flat_map(|(job, said)| {
            let permissions = said["permissions"].as_object().into_iter().flatten();
            permissions.filter(|(_, level)| *level == "write").map(|(scope, _)| (job.as_str(), scope.as_str()))
        })
        .collect();
    assert_eq!(may_write, [("attest", "attestations"), ("attest", "id-token"), ("release", "contents")]);
    assert!(!text(RELEASE).contains("write-all"));
}

/// An input that is forgotten on the way does nothing, and says nothing.
#[test]
fn every_input_reaches_the_script_and_the_readme() {
    let (action, script, readme) = (parsed(ACTION), text(SCRIPT), text("README.md"));
    let inputs = keys(&action["inputs"]);
    let listed = script.replace("\\\n", "");
    let listed = |name: &str| -> Vec<String> {
        let line = listed.lines().find_map(|line| line.strip_prefix(&format!("readonly {name}=\"")));
        let words = line.expect("the script lists its options").trim_end_matches('"');
        words.split_whitespace().map(str::to_owned).collect()
    };
    let (values, switches) = (listed("VALUES"), listed("SWITCHES"));
    let known: BTreeSet<&str> = values.iter().chain(&switches).map(String::as_str).collect();
    // The artifact is the action's own affair.
    let own = BTreeSet::from(["records-artifact"]);
    assert_eq!(known.union(&own).copied().collect::<BTreeSet<_>>(), inputs);
    let environments = all(&action["runs"], "env");
    let [environment] = environments[..] else { panic!("not one environment: {environments:?}") };
    for input in &inputs {
        let expression = format!("${{{{ inputs.{input} }}}}");
        let variable = format!("PUBLISH_{}", input.to_ascii_uppercase().replace('-', "_"));
        if !own.contains(input) {
            assert_eq!(environment[&variable], expression.as_str());
            assert!(script.contains(&format!("  --{input} ")), "--help says nothing of --{input}");
        }
        assert!(readme.contains(&format!("| `{input}`")), "the README says nothing of {input}");
        assert!(action["inputs"][input]["description"].is_string(), "{input}");
    }
    assert_eq!(environment.as_object().expect("a map").len(), known.len());
}

#[test]
fn the_records_survive_a_failure() {
    let action = parsed(ACTION);
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let step =
        |start: &str| steps.iter().find(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with(start)));
    let kept = step("actions/upload-artifact@").expect("records are kept");
    assert!(kept["if"].as_str().is_some_and(|condition| condition.starts_with("always()")), "{kept}");
    // Their folder begins with a dot, and a re-run has the same artifacts.
    assert_eq!((&kept["with"]["include-hidden-files"], &kept["with"]["overwrite"]), (&true.into(), &true.into()));
    let restored = step("actions/download-artifact@").expect("records are restored");
    assert_eq!(restored["with"]["path"], kept["with"]["path"]);
    assert_eq!(restored["with"]["pattern"], kept["with"]["name"]);
    assert_eq!(keys(&action["outputs"]), BTreeSet::from(["exit-code", "records", "summary"]));
}

/// What the workflow builds, what is packed, and what is published are one list.
#[test]
fn every_target_is_built_and_published() {
    let release = parsed(RELEASE);
    let built = release["jobs"]["build"]["strategy"]["matrix"]["include"].as_array().expect("a matrix");
    let built: BTreeSet<String> = built
        .iter()
        .map(|row| {
            let target = row["target"].as_str().expect("a target");
            let ending = if target.contains("windows") { "zip" } else { "tar.gz" };
            format!("dist/turbo-engine-{target}.{ending}")
        })
        .collect();
    let own: toml::Table = text("turbo-release.toml").parse().expect("our release file");
    let published = own["artifact"].as_array().expect("artifacts");
    let published: BTreeSet<String> =
        published.iter().filter_map(|artifact| artifact["path"].as_str().map(str::to_owned)).collect();
    assert_eq!(built, published);
    // Each login is given to the step that publishes.
    let environments = all(&release["jobs"]["publish"], "env");
    let given: BTreeSet<&str> = environments.into_iter().flat_map(keys).collect();
    let channels = own["channel"].as_table().expect("channels");
    for (name, channel) in channels {
        let variable = channel["credential"].as_str().and_then(|source| source.strip_prefix("env:"));
        assert!(variable.is_some_and(|variable| given.contains(variable)), "{name}: {variable:?} of {given:?}");
    }
}

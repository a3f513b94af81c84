//! `publish.sh` as a workflow runs it, and as a person does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::{SCRIPT, committed};
use crate::release::packed;
use crate::rig::{Engine, MARK, Run, fixture, secret};

pub const BINARY: &str = env!("CARGO_BIN_EXE_turbo-engine");
const GOOD: &str = "[channel.good]\ncomponent = 'LISTS'\n";
const BAD: &str = "[channel.bad]\ncomponent = 'missing.wasm'\n";

/// A script of the repository, run by the engine's user.
pub fn bash(engine: &Engine, script: &str, arguments: &[&str]) -> Run {
    let mut command = engine.program("bash");
    command.arg(committed(script)).args(arguments);
    engine.watched(command).finish()
}

/// A project in a runner, whose summary and outputs are files.
pub fn project(channels: &str) -> Engine {
    let engine = Engine::new();
    let (summary, output) = (engine.path("summary.md"), engine.path("output.txt"));
    let channels = channels.replace("LISTS", &fixture("list-files"));
    let release = "[release]\nname = 'tool'\nversion = '1.2.3'\ndate = '2026-11-25'\n\
                   [[artifact]]\npath = 'tool.zip'\nurl = 'https://dl.example/tool.zip'\n";
    engine.write("turbo-release.toml", format!("{release}{channels}"));
    engine.write("tool.zip", packed::zip(&[("tool.exe", b"MZ")]));
    engine.variable("GITHUB_STEP_SUMMARY", summary).variable("GITHUB_OUTPUT", output)
}

fn dry(engine: &Engine, more: &[&str]) -> Run {
    bash(engine, SCRIPT, &[&["--dry-run", "--no-gate", "--prior", "nothing", "--binary", BINARY], more].concat())
}

fn summary(engine: &Engine) -> String {
    String::from_utf8(engine.read("summary.md")).expect("text")
}

/// An output of the step, of one line or between marks.
fn output(engine: &Engine, name: &str) -> String {
    let text = String::from_utf8(engine.read("output.txt")).expect("text");
    if let Some(value) = text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))) {
        return value.to_owned();
    }
    let (_, rest) = text.split_once(&format!("{name}<<")).unwrap_or_else(|| panic!("no {name} in {text}"));
    let (mark, rest) = rest.split_once('\n').expect("a mark");
    rest.split_once(mark).expect("the mark again").0.to_owned()
}

/// A program in the place of the engine, for what is asked of it.
fn stand_in(engine: &Engine, script: &str) -> String {
    let path = engine.write("stand-in", format!("#!/bin/sh\nprintf '%s\\n' \"$*\" >>asked\n{script}\n"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("scratch is writable");
    path.display().to_string()
}

#[test]
#[ignore = "needs bash and jq"]
fn a_dry_run_goes_through_every_stage_but_those_that_others_see() {
    let engine = project(&format!("{GOOD}repository = 'me/lists'\nprefix = ['tool/']\n"));
    let stages = ["--build", "echo b >>order", "--test", "echo t >>order", "--package", "echo p >>order"];
    let others = ["--upload", "echo u >>order", "--sign", "tool.zip"];
    dry(&engine, &[&stages[..], &others].concat()).exits(0);
    assert_eq!(engine.read("order"), b"b\nt\np\n");
    let sums = String::from_utf8(engine.read("SHA256SUMS")).expect("text");
    assert!(sums.ends_with("  tool.zip\n") && sums.len() == 64 + 2 + 9, "{sums}");
    let shown = summary(&engine);
    for line in [
        "## Publish: a dry run",
        "| sign | done, files: 1 |",
        "| upload | not in a dry run |",
        "| publish | done |",
        "**tool 1.2.3**",
        "| good | proposed | git-change |",
        "<details><summary>good: tool/1.2.3.txt</summary>",
    ] {
        assert!(shown.lines().any(|found| found == line), "no `{line}`:\n{shown}");
    }
    assert_eq!((output(&engine, "exit-code"), output(&engine, "records")), ("0".into(), ".turbo-publish".into()));
    let recorded = fs::read_dir(engine.path(".turbo-publish")).expect("the folder of the records");
    assert_eq!(recorded.count(), 1, "a dry run records its events alone");
}

#[test]
#[ignore = "needs bash and jq"]
fn one_bad_channel_fails_the_job_only_where_it_should() {
    for (fail_on, code) in [("any", 3), ("all", 0)] {
        let engine = project(&format!("{BAD}{GOOD}"));
        let run = dry(&engine, &["--fail-on", fail_on]).exits(code);
        assert!(run.stderr.contains("the channel `bad` failed"), "{}", run.stderr);
        let shown = summary(&engine);
        assert!(shown.contains("| publish | some channels failed |"), "{shown}");
        assert!(shown.contains("| good | proposed |"), "{shown}");
        assert!(shown.contains(" | failed | the channel `bad` failed"), "{shown}");
        // Whoever reads the outputs tells the two apart either way.
        assert_eq!(output(&engine, "exit-code"), "3");
        let events: Vec<Value> =
            output(&engine, "summary").lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
        let kinds: Vec<&Value> = events.iter().map(|event| &event["event"]).collect();
        assert_eq!(kinds, ["error", "summary"]);
    }
}

#[test]
#[ignore = "needs bash and jq"]
fn nothing_but_bad_channels_fails_every_job() {
    for fail_on in ["any", "all"] {
        let engine = project(BAD);
        dry(&engine, &["--fail-on", fail_on]).exits(8);
        assert_eq!(output(&engine, "exit-code"), "8");
    }
}

#[test]
#[ignore = "needs bash and jq"]
fn a_stage_that_fails_ends_it() {
    let engine = project(GOOD);
    let run = dry(&engine, &["--test", "exit 4", "--package", "touch packed"]).exits(1);
    assert!(run.stderr.contains("the stage `test` failed with 4"), "{}", run.stderr);
    assert!(summary(&engine).contains("| test | failed with 4 |"), "{}", summary(&engine));
    assert_eq!(output(&engine, "exit-code"), "1");
    engine.assert_absent("packed");
    engine.assert_absent(".turbo-publish");
}

/// What holds a secret in a job: what the engine reads, what channels log in
/// with, what other tools read, and what the runner has of its own. None of it
/// is named in the script as something to hide.
const SECRETS: [&str; 18] = [
    "PUSH_TOKEN",
    "AUDIT_KEY",
    "TURBO_ENGINE_SIGN_PASSWORD",
    "TURBO_ENGINE_CERTIFICATE_PASSWORD",
    "TURBO_ENGINE_OCI_PASSWORD",
    "MINISIGN_KEY",
    "WEBHOOK_URL",
    "NUGET_API_KEY",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "ACTIONS_RUNTIME_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_CACHE_URL",
    "CARGO_REGISTRY_TOKEN",
    "CARGO_REGISTRIES_OURS_TOKEN",
    "NODE_AUTH_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
    "my-token",
];

/// What a build works with, and what is told of the run.
const NEEDED: [(&str, &str); 8] = [
    ("CI", "true"),
    ("GITHUB_SHA", "0123abcd"),
    ("RUNNER_OS", "Linux"),
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_PROFILE_RELEASE_LTO", "off"),
    ("SOURCE_DATE_EPOCH", "1767225600"),
    ("LC_ALL", "C"),
    ("HTTP_PROXY", "http://proxy.example:3128"),
];

/// The variables of a command that wrote `env -0` into a file.
fn environment(engine: &Engine, file: &str) -> BTreeMap<String, String> {
    let text = String::from_utf8(engine.read(file)).expect("text");
    let pairs = text.split_terminator('\0').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn job() -> Engine {
    let mut engine = project(&format!("{GOOD}credential = \"env:PUSH_TOKEN\"\n"));
    for name in SECRETS {
        engine = engine.variable(name, secret!("held"));
    }
    for (name, value) in NEEDED {
        engine = engine.variable(name, value);
    }
    engine.variable("HTTPS_PROXY", concat!("http://me:", secret!("held"), "@proxy.example:3128"))
}

#[test]
#[ignore = "needs bash and jq"]
fn stages_are_given_what_they_need_and_no_secret() {
    let mut engine = job();
    for file in ["GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"] {
        let path = engine.path(file);
        engine = engine.variable(file, path);
    }
    let (build, test, package) = ("env -0 >build", "env -0 >test", "env -0 >package");
    dry(&engine, &["--build", build, "--test", test, "--package", package, "--audit-key", "env:AUDIT_KEY"]).exits(0);
    for stage in ["build", "test", "package"] {
        let seen = environment(&engine, stage);
        let leaked: Vec<_> = seen.iter().filter(|(_, value)| value.contains(MARK)).collect();
        assert!(leaked.is_empty(), "{stage}: {leaked:?}");
        let held = SECRETS.iter().filter(|name| seen.contains_key(**name));
        assert_eq!(held.collect::<Vec<_>>(), Vec::<&&str>::new(), "{stage}");
        // Who writes there sets variables of the steps that follow, and their outputs.
        let files: Vec<_> = seen.keys().filter(|name| name.ends_with("_ENV") || name.ends_with("_OUTPUT")).collect();
        assert!(files.is_empty(), "{stage}: {files:?}");
        for name in ["GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "PUBLISH_BUILD"] {
            assert!(!seen.contains_key(name), "{stage}: {name}");
        }
        for (name, value) in NEEDED {
            assert_eq!(seen.get(name).map(String::as_str), Some(value), "{stage}: {name}");
        }
        assert!(seen.contains_key("PATH") && seen.contains_key("HOME"), "{stage}: {seen:?}");
    }
}

#[test]
#[ignore = "needs bash and jq"]
fn a_user_grants_a_variable_by_its_name() {
    let text = "two\nlines, 'quotes' and $(a command)";
    let engine = job().variable("CUSTOM", text).variable("OTHER", "other");
    let run = dry(&engine, &["--build", "env -0 >granted", "--build-env", "CUSTOM MINISIGN_KEY absent"]).exits(0);
    assert!(!run.stderr.contains("warning: "), "{}", run.stderr);
    let seen = environment(&engine, "granted");
    assert_eq!(seen.get("CUSTOM").map(String::as_str), Some(text));
    assert_eq!(seen.get("MINISIGN_KEY").map(String::as_str), Some(secret!("held")));
    assert!(!seen.contains_key("OTHER") && !seen.contains_key("GH_TOKEN"), "{seen:?}");
    // Nobody means this by accident without being told.
    let run = dry(&engine, &["--build", "true", "--build-env", "PUSH_TOKEN"]).exits(0);
    assert!(run.stderr.contains("warning: `build-env` gives the key in PUSH_TOKEN to build"), "{}", run.stderr);
    let wrong = dry(&engine, &["--build", "touch built", "--build-env", "A=b"]).exits(2);
    wrong.says("`build-env`: `A=b` is no name of a variable");
    engine.assert_absent("built");
}

/// The program that puts files where the public gets them logs in there.
#[test]
#[ignore = "needs bash and jq"]
fn upload_has_what_the_step_has() {
    let engine = job();
    let program = stand_in(&engine, "exit 0");
    let arguments = ["--binary", &program, "--build", "env -0 >build", "--upload", "env -0 >upload"];
    bash(&engine, SCRIPT, &arguments).exits(0);
    assert!(!environment(&engine, "build").contains_key("GH_TOKEN"));
    assert_eq!(environment(&engine, "upload").get("GH_TOKEN").map(String::as_str), Some(secret!("held")));
}

#[test]
#[ignore = "needs bash and jq"]
fn options_count_before_variables_and_the_file() {
    let engine = project(GOOD).variable("PUBLISH_TEST", "echo variable >>order");
    fs::create_dir(engine.path(".github")).expect("scratch is writable");
    let file = "# ours\nbuild=echo file >>order\ntest=echo file >>order\npackage=echo file >>order\n";
    engine.write(".github/publish.env", file);
    dry(&engine, &["--build", "echo option >>order"]).exits(0);
    assert_eq!(engine.read("order"), b"option\nvariable\nfile\n");
    engine.write(".github/publish.env", "bulid=true\n");
    dry(&engine, &[]).exits(2).says(".github/publish.env: what is `bulid=true`?");
    // The action names no file unless its user does.
    dry(&engine.variable("PUBLISH_SETTINGS", ""), &[]).exits(0);
}

#[test]
#[ignore = "needs bash"]
fn what_is_asked_wrongly_is_told_before_anything_runs() {
    for (arguments, said) in [
        (&["--build", "touch built", "--fail-on", "some"][..], "`fail-on` is neither any nor all"),
        (&["--build", "touch built", "--frobnicate"], "there is no option `--frobnicate`"),
        (&["--build=", "touch built"], "`--build` needs a value"),
        (&["--build", "touch built", "--no-gate"], "`no-gate` is for dry runs"),
        (&["--build", "touch built", "--settings", "none.env"], "there is no file none.env"),
    ] {
        let engine = project(GOOD);
        bash(&engine, SCRIPT, &[arguments, &["--binary", BINARY]].concat()).exits(2).says(said);
        assert_eq!(output(&engine, "exit-code"), "2");
        engine.assert_absent("built");
    }
}

#[test]
#[ignore = "needs bash and jq"]
fn what_is_sent_is_recorded_and_can_be_resumed() {
    let engine = project(GOOD);
    let program = stand_in(
        &engine,
        "[ \"$1\" = --version ] || cat <<'END'\n\
         {\"channel\":\"good\",\"deliveries\":[{\"kind\":\"git-change\"}],\"event\":\"proposed\",\"v\":1}\n\
         {\"channel\":\"bad\",\"deliveries\":[],\"event\":\"proposed\",\"v\":1}\n\
         {\"channel\":\"good\",\"event\":\"delivery\",\"reference\":\"https://x.example/1\",\"state\":\"delivered\",\"v\":1}\n\
         {\"channel\":\"bad\",\"error\":\"a | b\\n<script>\",\"event\":\"error\",\"v\":1}\n\
         {\"event\":\"summ\n\
         END\n\
         [ \"$1\" = --version ] || exit 3",
    );
    let arguments = ["--binary", &program, "--records", "kept", "--resume", "--only", "good bad", "--wait", "5"];
    let run = bash(&engine, SCRIPT, &[&arguments[..], &["--upload", "touch uploaded"]].concat()).exits(3);
    assert!(run.stderr.contains("kept has what was recorded"), "{}", run.stderr);
    let asked = String::from_utf8(engine.read("asked")).expect("text");
    let wanted = "publish --json --release turbo-release.toml --only good --only bad --wait 5 --records kept --resume";
    assert_eq!(asked.lines().last(), Some(wanted), "{asked}");
    engine.read("uploaded");
    let shown = summary(&engine);
    // One row a channel, and no text of others outside of its cell.
    assert!(
        shown.contains("| good | delivered | https://x.example/1 |\n| bad | failed | a \\| b &lt;script> |"),
        "{shown}"
    );
    assert!(!shown.contains("proposed"), "{shown}");
}

/// What a server answered is part of an error, and could be a command.
#[test]
#[ignore = "needs bash and jq"]
fn what_others_say_is_no_command_of_the_runner() {
    let engine = project(GOOD).variable("GITHUB_ACTIONS", "true");
    let program = stand_in(&engine, "[ \"$1\" = --version ] || { echo '::add-mask::x' >&2; exit 5; }");
    bash(&engine, SCRIPT, &["--binary", &program, "--sign", "50%\n::add-mask::y"])
        .exits(1)
        .says("::error::no file is called 50%25%0A::add-mask::y");
    let run = bash(&engine, SCRIPT, &["--binary", &program]).exits(5);
    let lines: Vec<&str> = run.stderr.lines().collect();
    let place = |wanted: &str| {
        let found = lines.iter().position(|line| line.starts_with(wanted));
        found.unwrap_or_else(|| panic!("no `{wanted}` in {lines:?}"))
    };
    let stopped = place("::stop-commands::");
    let word = lines[stopped].trim_start_matches("::stop-commands::");
    assert!(word.len() == 32, "{word}");
    let (said, again) = (place("::add-mask::"), place(&format!("::{word}::")));
    assert!(stopped < said && said < again && again < place("::error::publish ended"), "{lines:?}");
}

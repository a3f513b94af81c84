//! What the command line itself promises: help, exit codes, configuration.

use std::io::Read as _;
use std::process::Stdio;

use crate::rig::{Engine, Origin, file, impatient};

/// What the binary's own help lists under `Commands:`, for the verb at `path`.
fn verbs(engine: &Engine, path: &[&str]) -> Vec<String> {
    let help = engine.run([path, &["--help"]].concat()).exits(0).text();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn version_is_the_packages() {
    let run = Engine::new().run(["--version"]).exits(0);
    assert_eq!(run.text(), format!("turbo-engine {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn help_is_reviewed() {
    let engine = Engine::new();
    insta::with_settings!({filters => vec![("turbo-engine\\.exe", "turbo-engine")]}, {
        insta::assert_snapshot!("help", engine.run(["--help"]).exits(0).text());
        for verb in verbs(&engine, &[]) {
            insta::assert_snapshot!(format!("help-{verb}"), engine.run([&verb, "--help"]).exits(0).text());
            for part in verbs(&engine, &[&verb]) {
                let help = engine.run([&verb, &part, "--help"]).exits(0).text();
                insta::assert_snapshot!(format!("help-{verb}-{part}"), help);
            }
        }
    });
}

/// Every misuse is found before anything is fetched or written.
#[test]
fn misuse_exits_2_with_a_hint() {
    let url = "http://127.0.0.1:9/file.bin";
    let cases: &[&[&str]] = &[
        &["download", "not a url"],
        &["download", "gopher://example.org/file"],
        &["download", "file:///etc/passwd"],
        &["download", "http://"],
        &["download", url, "--checksum", "sha-256:12"],
        &["download", url, "--checksum", "crc99:00"],
        &["download", url, "--resolve", "nonsense"],
        &["download", url, "--limit-rate", "fast"],
        &["download", url, "-H", "no colon"],
        &["download", url, "-H", "X: a\r\nY: b"],
        &["download", url, "--mirror", "ftp://example.org/file"],
        &["download", url, "--proxy", "::"],
        &["download", url, "--proxy", "gopher://127.0.0.1:9"],
        &["download", url, "--region", "atlantis"],
        &["download", url, url, "-o", "one-name"],
        &["download", url, "-x", "0"],
        &["download"],
        &["download", url, "--no-such-flag"],
        &["publish", "check"],
        &["publish", "check", ".", "--manager", "npm"],
        &["no-such-verb"],
    ];
    for case in cases {
        let engine = Engine::new();
        let run = engine.run(*case);
        assert_eq!(run.code, Some(2), "{case:?}: {}", run.stderr);
        assert!(run.stderr.starts_with("error: "), "{case:?}: {}", run.stderr);
        assert!(run.stdout.is_empty(), "{case:?}: {}", run.text());
        assert!(engine.listing().is_empty(), "{case:?}: {:?}", engine.listing());
    }
}

#[test]
fn a_flag_beats_the_environment_beats_the_file() {
    let engine = Engine::new().variable("TURBO_ENGINE_CONNECTIONS", "7");
    let shown = |engine: &Engine| {
        let run = engine.run(["config", "show"]).exits(0);
        let line = run.text().lines().find(|line| line.contains("connections")).map(str::to_owned);
        line.expect("`connections` is listed")
    };
    let line = shown(&engine);
    assert!(line.contains('7') && line.contains("TURBO_ENGINE_CONNECTIONS"), "{line}");
    let line = shown(&Engine::new());
    assert!(line.contains("auto") && line.contains("default"), "{line}");
}

#[test]
fn a_broken_configuration_names_its_file() {
    let engine = Engine::new();
    let path = engine.write("broken.toml", "connections = \"many\"\n");
    engine.run(["config", "show", "--config", &path.to_string_lossy()]).exits(2).says("broken.toml");
}

/// A configuration may hold the login of a proxy, and is shown to others.
#[test]
fn a_configuration_is_shown_without_the_proxys_login() {
    for more in [&[][..], &["--json"]] {
        let engine = Engine::new().variable("TURBO_ENGINE_PROXY", "http://me:s3cr3t@proxy.example:1");
        let run = engine.run([&["config", "show"], more].concat()).exits(0);
        assert!(run.text().contains("http://[redacted]@proxy.example:1"), "{}", run.text());
        assert!(!run.text().contains("s3cr3t"), "{}", run.text());
    }
    let engine = Engine::new();
    let path = engine.write("broken.toml", "jobs = 1\nproxy = \"http://me:s3cr3t@proxy.example:1\n");
    let run = engine.run(["config", "show", "--config", &path.to_string_lossy()]).exits(2).says("line 2, column ");
    assert!(!run.stderr.contains("s3cr3t"), "{}", run.stderr);
}

#[test]
fn completions_and_manual_are_complete() {
    let engine = Engine::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = engine.run(["completions", shell]).exits(0).text();
        assert!(text.contains("turbo-engine") && text.contains("checksum"), "{shell}: {text}");
    }
    let manual = engine.run(["man"]).exits(0).text();
    assert!(manual.contains(".TH turbo-engine"), "{manual}");
    for verb in verbs(&engine, &[]) {
        assert!(manual.contains(&format!(".TH turbo-engine-{verb} ")), "{verb} is not in the manual");
    }
}

#[test]
fn doctor_and_stats_work_on_an_empty_home() {
    let engine = Engine::new();
    for verb in ["doctor", "stats"] {
        assert!(!engine.run([verb]).exits(0).stdout.is_empty());
        engine.run([verb, "--json"]).exits(0).events();
    }
}

/// `turbo-engine ... | head -c 1` is no failure.
#[test]
fn a_closed_stdout_is_success() {
    let engine = Engine::new();
    let file = file(4, 1);
    let origin = Origin::file(&file);
    for arguments in [vec!["man".into()], impatient(["-o", "-", &origin.file_url()])] {
        let mut child = engine
            .command(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the built binary starts");
        let mut first = [0];
        child.stdout.take().expect("a piped stream").read_exact(&mut first).expect("some output");
        let output = child.wait_with_output().expect("a child to wait for");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

//! The words and shapes that people and scripts read, as reviewed snapshots.

use crate::rig::{Answer, Authority, Engine, Origin, Run, file, fixture, sha256};

/// What differs from run to run and from machine to machine.
fn redactions(engine: &Engine) -> Vec<(String, &'static str)> {
    let home = regex_literal(&engine.home().to_string_lossy());
    let fixtures = regex_literal(&fixture("x").replace("x.wasm", ""));
    [
        (home, "[home]"),
        (fixtures, "[fixtures]/"),
        (r"127\.0\.0\.1:\d+".to_owned(), "127.0.0.1:[port]"),
        (r"\(os error \d+\)".to_owned(), "(os error [n])"),
        (r#""((?:hash_tail_)?seconds)": ?[\d.e-]+"#.to_owned(), r#""$1":"[seconds]""#),
        // What the platform does not say is null.
        (r#""(peak_memory_bytes|cpu_seconds)": ?(?:[\d.e-]+|null)"#.to_owned(), r#""$1":"[used]""#),
        (r"\d+\.\d s \([\d.]+ [KMG]iB/s\)".to_owned(), "[seconds] ([rate])"),
        (r"turbo-engine/\d+\.\d+\.\d+".to_owned(), "turbo-engine/[version]"),
    ]
    .into()
}

fn regex_literal(text: &str) -> String {
    text.chars().flat_map(|letter| (!letter.is_alphanumeric()).then_some('\\').into_iter().chain([letter])).collect()
}

fn assert_wording(name: &str, engine: &Engine, text: &str) {
    let redactions = redactions(engine);
    let filters: Vec<(&str, &str)> = redactions.iter().map(|(found, shown)| (found.as_str(), *shown)).collect();
    insta::with_settings!({filters => filters, omit_expression => true}, {
        insta::assert_snapshot!(name, text);
    });
}

/// Standard error, under the command that a user would have typed.
#[cfg(unix)]
fn told(shown: &str, run: &Run) -> String {
    let code = run.code.expect("an orderly end");
    format!("$ turbo-engine {shown}\n{}[exit code {code}]\n\n", run.stderr)
}

/// Each way to fail, in the user's words. The system's own texts are Unix's.
#[test]
#[cfg(unix)]
fn errors_say_what_why_and_what_to_do() {
    let engine = Engine::new();
    let origin = Origin::start(|request| match request.path.as_str() {
        "/file.bin" => file(1, 1).answer(request),
        "/loop" => Answer::redirect("/loop"),
        "/private" => Answer::redirect("http://10.0.0.1/"),
        "/smuggled" => Answer::text("x").chunked().header("Content-Length", "7"),
        "/tomorrow" => Answer::status(503).header("Retry-After", "86400"),
        "/busy" => Answer::status(503),
        path => Answer::status(path.trim_start_matches('/').parse().unwrap_or(404)),
    });
    let mut text = String::new();
    for path in ["/absent", "/400", "/401", "/403", "/busy", "/loop", "/private", "/smuggled", "/tomorrow"] {
        let run = engine.download(["-o", "out", &origin.url(path)]);
        text += &told(&format!("download {path}"), &run);
    }
    let url = origin.file_url();
    let wrong = format!("sha-256:{}", sha256(b"else"));
    engine.write("mine", "mine");
    engine.write("half.wasm", b"\0asm");
    for arguments in [
        &["-o", "out", "--checksum", &wrong][..],
        &["-o", "out", "--require-checksum"],
        &["-o", "mine"],
        &["-o", "mine", "--if-exists", "fail"],
        &["-o", "mine/out"],
        &["-o", "out", "--rule", "absent.wasm"],
        &["-o", "out", "--rule", "half.wasm"],
        &["-o", "out", "--cacert", "absent.pem"],
        &["-o", "out", "--cacert", "mine"],
        &["-o", "out", "--resolve", "nonsense"],
        &["-o", "out", "--limit-rate", "fast"],
        &["-o", "out", "-H", "no colon"],
        &["-i", "mine"],
        &["-i", "absent"],
    ] {
        let run = engine.download([arguments, &[&url]].concat());
        text += &told(&format!("download {} URL", arguments.join(" ")), &run);
    }
    for address in ["not a url", "example.org/file", "ftp://example.org/file", "http://127.0.0.1:9/x"] {
        text += &told(&format!("download '{address}'"), &engine.download(["-o", "out", address]));
    }
    assert_wording("errors", &engine, &text);
    engine.assert_absent("out");
    engine.assert_file("mine", b"mine");
}

#[test]
fn an_untrusted_certificate_is_explained() {
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority, &["files.example"], |_| Answer::text("x"));
    let engine = Engine::new();
    let run = engine.download(["--resolve", &origin.resolve("files.example:443"), "https://files.example/x"]);
    assert_wording("untrusted-certificate", &engine, &run.fails(4).stderr);
}

/// Progress depends on time; the other events and the receipt are a contract.
#[test]
fn events_have_one_shape() {
    let file = file(2, 1);
    let (origin, mirror) = (Origin::file(&file), Origin::start(|_| Answer::status(404)));
    let engine = Engine::new();
    let (url, digest) = (origin.file_url(), format!("sha-256:{}", sha256(&file.bytes)));
    let plain = engine.fetch(&url, &["--no-rules", "-x", "1", "--checksum", &digest]).exits(0);
    let again = engine.fetch(&url, &["--no-rules"]).exits(0);
    let refused = engine.download(["--json", "--no-rules", "-o", "other", &mirror.file_url()]);
    let mut text = String::new();
    for event in [plain, again, refused].iter().flat_map(Run::events) {
        if event["event"] != "progress" {
            text += &serde_json::to_string_pretty(&event).expect("JSON");
            text.push('\n');
        }
    }
    assert_wording("events", &engine, &text);
}

#[test]
fn the_summary_names_the_sources() {
    let origin = Origin::file(&file(2, 1));
    let engine = Engine::new();
    let mut text = engine.download([origin.file_url()]).exits(0).stderr;
    text += &engine.download([origin.file_url()]).exits(0).stderr;
    text += &engine.download(["-o", "second", &origin.file_url()]).exits(0).stderr;
    assert_wording("summary", &engine, &text);
}

#[test]
fn resolve_shows_candidates_and_reasons() {
    let engine = Engine::new();
    let url = "https://github.com/owner/project/releases/download/v1.0/tool.tar.gz";
    let region = ["--region", "world"];
    let text = engine.run([&["resolve", url], &region[..]].concat()).exits(0).text();
    assert_wording("resolve", &engine, &text);
    let events = engine.run([&["resolve", "--json", url], &region[..]].concat()).exits(0).events();
    let pretty: Vec<String> = events.iter().map(|event| serde_json::to_string_pretty(event).expect("JSON")).collect();
    assert_wording("resolve-json", &engine, &pretty.join("\n"));
}

#[test]
fn config_show_names_every_origin() {
    let engine = Engine::new().variable("TURBO_ENGINE_RETRY", "9");
    engine.write("own.toml", "connect-timeout = 3\n");
    let text = engine.run(["config", "show", "--config", "own.toml"]).exits(0).text();
    assert_wording("config-show", &engine, &text);
}

//! Wrong input and a wrong world: each has its exit code, says what to do,
//! and leaves nothing under the final name.

use std::net::TcpListener;
#[cfg(target_os = "linux")]
use std::process::Command;

use crate::rig::{Answer, Authority, Engine, Origin, file};

#[test]
fn an_http_refusal_exits_5() {
    for status in [400, 401, 403, 404, 410, 451, 500, 503] {
        let origin = Origin::start(move |_| Answer::status(status));
        let engine = Engine::new();
        engine.fetch(&origin.file_url(), &[]).fails(5).says(&status.to_string());
        engine.assert_absent("out");
    }
}

/// A page that says "not found" must not become the file, nor its size.
#[test]
fn an_error_body_is_never_saved() {
    let origin = Origin::start(|_| Answer::status(404));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &[]).fails(5);
    assert!(engine.listing().is_empty(), "{:?}", engine.listing());
}

#[test]
fn a_closed_port_exits_4() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port();
    let engine = Engine::new();
    engine.fetch(&format!("http://127.0.0.1:{port}/file.bin"), &[]).fails(4);
    assert!(engine.listing().is_empty(), "{:?}", engine.listing());
}

#[test]
fn an_unknown_host_exits_4() {
    let engine = Engine::new();
    engine.fetch("http://no-such-host.invalid/file.bin", &[]).fails(4).says("no-such-host.invalid");
    engine.assert_absent("out");
}

#[test]
fn an_untrusted_certificate_exits_4_and_insecure_overrides() {
    let file = file(1, 1);
    let (authority, stranger) = (Authority::new(), Authority::new());
    let served = file.clone();
    let origin = Origin::start_tls(&authority, &["files.example"], move |request| served.at(request, "/file.bin"));
    let resolve = origin.resolve("files.example:443");
    let fetch = |more: &[&str]| {
        let engine = Engine::new();
        let run = engine.fetch("https://files.example/file.bin", &[&["--resolve", &resolve], more].concat());
        (engine, run)
    };
    for more in [&[][..], &["--cacert", &stranger.pem()]] {
        let (engine, run) = fetch(more);
        run.fails(4);
        engine.assert_absent("out");
    }
    for more in [&["--cacert", &*authority.pem()][..], &["--insecure"]] {
        let (engine, run) = fetch(more);
        run.exits(0);
        engine.assert_file("out", &file.bytes);
    }
}

#[test]
fn a_certificate_for_another_name_exits_4() {
    let authority = Authority::new();
    let origin = Origin::start_tls(&authority, &["other.example"], |_| Answer::text("secret"));
    let more = ["--cacert", &authority.pem(), "--resolve", &origin.resolve("files.example:443")];
    Engine::new().fetch("https://files.example/file.bin", &more).fails(4);
}

#[test]
fn a_certificate_file_must_be_there_and_be_one() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--cacert", "absent.pem"]).fails(7).says("absent.pem");
    engine.write("broken.pem", "no certificate");
    engine.fetch(&origin.file_url(), &["--cacert", "broken.pem"]).fails(2).says("broken.pem");
    assert!(origin.requests().is_empty(), "{:?}", origin.requests());
}

#[test]
fn an_unwritable_target_exits_7() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.write("a-file", "");
    std::fs::create_dir(engine.path("a-folder")).expect("scratch");
    // A file where a folder is needed, and a folder where a file is.
    for target in ["a-file/out", "a-folder"] {
        engine.download(["-o", target, &origin.file_url()]).fails(7);
    }
    let long = "n".repeat(300);
    engine.download(["-o", &long, &origin.file_url()]).fails(7);
}

#[test]
fn a_missing_or_broken_component_exits_8() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.fetch(&origin.file_url(), &["--rule", "absent.wasm"]).fails(8).says("absent.wasm");
    engine.write("text.wasm", "not wasm at all");
    engine.fetch(&origin.file_url(), &["--rule", "text.wasm"]).fails(8).says("text.wasm");
    engine.write("module.wasm", b"\0asm\x01\0\0\0");
    engine.fetch(&origin.file_url(), &["--rule", "module.wasm"]).fails(8).says("module.wasm");
    engine.assert_absent("out");
}

/// Standard output can be a full disk as well.
#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_exits_7() {
    let origin = Origin::file(&file(1, 1));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let url = origin.file_url();
    let engine = Engine::new();
    let mut command: Command = engine.command(["download", "-o", "-", &url]);
    let output = command.stdout(full).output().expect("the built binary starts");
    assert_eq!(output.status.code(), Some(7), "{}", String::from_utf8_lossy(&output.stderr));
}

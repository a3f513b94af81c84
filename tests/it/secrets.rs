//! The scan for secrets itself: that it finds what it is for, wherever that is.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::rig::{Answer, Engine, Minchoc, Origin, basic, secret, secrets};

const SECRET: &str = secret!("that leaks");

/// What the scan says of what `act` does; panics when it says nothing.
#[track_caller]
fn finding<T>(act: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(act)).err().expect("the scan finds nothing");
    let said = *panic.downcast::<String>().expect("a message");
    assert!(!said.contains(SECRET), "{said}");
    said
}

#[test]
fn what_is_printed_is_found() {
    let engine = Engine::new();
    // Not a place for a secret, so that the engine shows it.
    let said = finding(|| engine.download(["http://127.0.0.1:9/s3cr3t-that-leaks"]));
    assert!(said.contains("standard error of the run: a secret at byte"), "{said}");
    let engine = Engine::new();
    let said = finding(|| engine.run(["resolve", "--json", "http://127.0.0.1:9/s3cr3t-that-leaks"]));
    assert!(said.contains("standard output of the run"), "{said}");
}

/// What is written as well, in whatever form; and by whomever.
#[test]
fn what_is_written_is_found() {
    let login = basic("someone", SECRET);
    let far = [vec![b'.'; (1 << 20) - 8], SECRET.into()].concat();
    for (content, form) in [
        (SECRET.as_bytes().to_vec(), "a secret"),
        (login.into_bytes(), "base64"),
        (STANDARD.encode(["x", SECRET].concat()).into_bytes(), "base64"),
        (format!("..{}", Minchoc::KEY).into_bytes(), "a secret"),
        (far, "at byte"),
    ] {
        let origin = Origin::start(move |_| Answer::whole(200, content.clone().into()));
        let engine = Engine::new();
        let said = finding(|| engine.fetch(&origin.file_url(), &["--no-rules", "--no-cache"]));
        assert!(said.contains("the file work/out: ") && said.contains(form), "{said}");
    }
    let engine = Engine::new();
    engine.write("left", SECRET);
    assert!(finding(|| drop(engine)).contains("the file work/left"));
}

#[test]
fn every_form_of_a_secret_is_looked_for() {
    let key = include_str!("../fixtures/keys/author.key").lines().nth(1).expect("a key");
    let encoded = key.replace('+', "%2B").replace('=', "%3D").replace('/', "%2F");
    for text in [key, &encoded, &STANDARD.encode(key), &STANDARD.encode(format!("..{key}"))] {
        assert!(secrets::find(text.as_bytes()).is_some(), "{text}");
    }
    assert_eq!(secrets::find(b"secret, token, password"), None);
}

/// What is a secret by its place has to be known to the scan.
#[test]
fn no_run_begins_with_a_secret_that_nobody_looks_for() {
    let host = "http://127.0.0.1:9/";
    for arguments in [
        &["-H", "Authorization: Bearer abc", host][..],
        &["-H", "cookie: a=b", host],
        &["http://me:abc@127.0.0.1:9/"],
        &["--proxy", "socks5h://me:abc@127.0.0.1:9", host],
    ] {
        assert!(finding(|| Engine::new().download(arguments)).contains("without `secret!`"), "{arguments:?}");
    }
    let engine = Engine::new().variable("SOME_TOKEN", "abc");
    assert!(finding(|| engine.run(["--version"])).contains("SOME_TOKEN"));
    let engine = Engine::new().variable("HOOK", "abc");
    assert!(finding(|| engine.run(["publish", "status", "--webhook", "env:HOOK"])).contains("HOOK"));
    let engine = Engine::new();
    std::fs::write(engine.home().join(".netrc"), "machine x login me password abc\n").expect("scratch is writable");
    assert!(finding(|| engine.run(["--version"])).contains(".netrc"));
    let told = || Engine::new().run(["publish", "deliver", "x.json", "--credential", SECRET]);
    assert!(finding(told).contains("argument 4 is a secret"));
}

/// Whatever is started by the name of a program that the engine starts.
#[test]
#[cfg(unix)]
fn what_a_child_is_told_is_found() {
    for script in ["osslsigncode \"$1\"", "LEAK=$1 osslsigncode"] {
        let engine = Engine::new();
        let program = engine.write("osslsigncode", "#!/bin/sh\necho \"it is run with $#\"\n");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(program, mode).expect("scratch is writable");
        let path = format!("{}:{}", engine.path("").display(), std::env::var("PATH").expect("a path"));
        let engine = engine.variable("PATH", path);
        let run = engine.shell(script, [""]).finish().exits(0);
        assert!(run.text().starts_with("it is run with "), "{}", run.text());
        let said = finding(|| engine.shell(script, [SECRET]).finish());
        assert!(said.contains("the file children/osslsigncode-"), "{said}");
    }
}

/// A program that was not started by such a name, while it runs.
#[test]
#[cfg(target_os = "linux")]
fn what_a_running_child_is_told_is_found() {
    for (leak, place) in [("exec sh -c 'sleep 60; :' s3cr3t-0", "cmdline"), ("LEAK=s3cr3t-0 exec sleep 60", "environ")]
    {
        let engine = Engine::new();
        // The only program that the engine starts by a path.
        let tool = engine.write("tool", format!("#!/bin/sh\n{leak}\n"));
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(tool, mode).expect("scratch is writable");
        engine.write("install.ps1", "exit 0\r\n");
        let sign = ["publish", "sign", "install.ps1", "--pfx", "me.pfx", "--tool", "./tool", "--tool-timeout", "1"];
        let said = finding(|| engine.run(sign));
        assert!(said.contains(&format!("the {place} of its child ")), "{said}");
    }
}

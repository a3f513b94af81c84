//! Files of cookies and logins with lines that cannot be read, and a system
//! without certificates. curl and wget skip such lines without a word; aria2
//! drops the whole file.

use super::told;
use crate::rig::{Engine, Origin, basic, file, secret};

#[test]
fn a_cookie_line_that_cannot_be_read_is_skipped_and_named() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.write(
        "cookies.txt",
        b"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tgood\t1\n127.0.0.1 TRUE / FALSE 0 blanks hidden1\n\
          127.0.0.1\tFALSE\t/\tFALSE\tsoon\tlate\thidden2\n\xff\xfe\n127.0.0.1\tFALSE\t/\tFALSE\t0\tbest\t2\r\n",
    );
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--cookies", "cookies.txt"]).exits(0);
    assert_eq!(origin.requests()[0].header("Cookie"), Some("good=1; best=2"));
    for line in ["line 3", "line 4", "line 5"] {
        assert!(told(&run).contains(&format!("cookies.txt: {line} of the cookies file")), "{}", told(&run));
    }
    assert!(!told(&run).contains("hidden"), "{}", told(&run));
    let quiet = engine.download([
        "--no-rules",
        "--if-exists",
        "overwrite",
        "--cookies",
        "cookies.txt",
        "-o",
        "out",
        &origin.file_url(),
    ]);
    quiet.exits(0).says("warning: cookies.txt: line 3");
}

/// A thousand bad lines are no thousand warnings.
#[test]
fn warnings_of_lines_are_bounded() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.write("cookies.txt", format!("# {}\n{}", secret!("none"), "bad\n".repeat(1000)));
    let run = engine.fetch(&origin.file_url(), &["--no-rules", "--cookies", "cookies.txt"]).exits(0);
    assert!(told(&run).matches("cookies.txt").count() < 10 && told(&run).contains("995 more lines"), "{}", told(&run));
}

#[test]
fn a_netrc_line_that_cannot_be_read_is_skipped_and_named() {
    let origin = Origin::file(&file(1, 1));
    for (netrc, login, line) in [
        // The host's own lines are whole.
        (
            "machine b.example\n  login x password \"open\nmachine 127.0.0.1 login me password s3cr3t-pw\n",
            true,
            "line 2",
        ),
        (
            "machine 127.0.0.1 login me password s3cr3t-pw\nnonsense here\nmachine b.example login x password s3cr3t-y\n",
            true,
            "line 2",
        ),
        ("\u{feff}machine 127.0.0.1\nlogin me\npassword s3cr3t-pw\nmachine b.example login\n", true, "line 4"),
        // Half a login is none.
        ("machine 127.0.0.1 login me password s3cr3t-two words\n", false, "line 1"),
        ("machine 127.0.0.1\nlogin me password s3cr3t-two words\n", false, "line 2"),
        // A misspelt `machine` must not give its login to the host before it.
        ("machine 127.0.0.1\nmachin b.example\nlogin me\npassword s3cr3t-pw\n", false, "line 2"),
        ("login me password s3cr3t-pw\nmachine 127.0.0.1\n", false, "line 1"),
    ] {
        let engine = Engine::new();
        std::fs::write(engine.home().join(if cfg!(windows) { "_netrc" } else { ".netrc" }), netrc).expect("writable");
        let asked = origin.requests().len();
        let run = engine.fetch(&origin.file_url(), &["--no-rules", "--netrc"]).exits(0);
        let sent = origin.requests()[asked].header("Authorization").map(str::to_owned);
        assert_eq!(sent, login.then(|| basic("me", secret!("pw"))), "{netrc:?}");
        assert!(told(&run).contains(&format!("{line} of the netrc file")), "{netrc:?}: {}", told(&run));
    }
}

/// What `doctor` says of a machine without certificates, `download` says too.
#[cfg(target_os = "linux")]
#[test]
fn a_system_without_certificates_is_explained() {
    let nowhere =
        || Engine::new().variable("SSL_CERT_FILE", "/nonexistent.pem").variable("SSL_CERT_DIR", "/nonexistent");
    let hint = "install the system's certificates (the package is mostly called ca-certificates)";
    let doctor = nowhere().run(["doctor"]).exits(1);
    assert!(doctor.text().contains(hint), "{}", doctor.text());
    let run = nowhere().fetch("https://127.0.0.1:9/x", &["--no-rules"]);
    run.fails(2).says(hint).says("--cacert PEM");
    // A plain URL needs none, nor does one whose certificate goes unchecked.
    let origin = Origin::file(&file(1, 1));
    nowhere().fetch(&origin.file_url(), &["--no-rules"]).exits(0);
}

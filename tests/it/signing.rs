//! What `publish sign` makes: checksums, minisign's signatures, Authenticode.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::rig::{Answer, Engine, MARK, Origin, Run, secret, sha256};

pub const SECRET: &str = secret!("pass phrase-7c21");
const SCRIPT: &str = "Write-Output 'h\u{fc}llo'\r\nexit 0\r\n";

/// The smallest program for Windows that a signature fits into.
fn program() -> Vec<u8> {
    let mut bytes = vec![0; 1021];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3c, &64_u32.to_le_bytes());
    put(64, b"PE\0\0");
    put(68, &0x014c_u16.to_le_bytes()); // for x86
    put(70, &1_u16.to_le_bytes()); // one section
    put(84, &224_u16.to_le_bytes()); // length of the optional header
    put(86, &0x0102_u16.to_le_bytes());
    put(88, &0x010b_u16.to_le_bytes()); // PE32
    put(88 + 60, &512_u32.to_le_bytes()); // length of all headers
    put(88 + 92, &16_u32.to_le_bytes()); // directories
    put(312, b".text\0\0\0");
    put(312 + 16, &509_u32.to_le_bytes()); // an odd length, to be filled up
    put(312 + 20, &512_u32.to_le_bytes());
    for at in 512..1021 {
        put(at, &[u8::try_from(at % 251).expect("a byte")]);
    }
    bytes
}

fn release() -> Engine {
    let engine = Engine::new();
    engine.write("tool.exe", program());
    engine.write("install.ps1", SCRIPT);
    engine.write("tool.tar.gz", "an archive");
    engine.write("author.key", include_str!("../fixtures/keys/author.key"));
    engine.write("author.pub", include_str!("../fixtures/keys/author.pub"));
    engine
}

fn sign(engine: &Engine, arguments: &[&str]) -> Run {
    engine.run([&["publish", "sign"], arguments].concat())
}

/// Runs a program in a folder; whether it succeeded, and what it said.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}; install {program}"));
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[track_caller]
fn must(folder: &Path, program: &str, arguments: &[&str]) {
    let (done, said) = run(folder, program, arguments);
    assert!(done, "{program} {arguments:?}: {said}");
}

#[test]
fn checksums_are_sorted_and_signed() {
    let engine = release();
    let run = sign(&engine, &["tool.tar.gz", "install.ps1", "--sums", "--key", "author.key"]).exits(0);
    let line = |name: &str| format!("{}  {name}\n", sha256(&engine.read(name)));
    assert_eq!(String::from_utf8_lossy(&engine.read("SHA256SUMS")), line("install.ps1") + &line("tool.tar.gz"));
    for file in ["tool.tar.gz.minisig", "install.ps1.minisig", "SHA256SUMS.minisig"] {
        assert!(run.text().contains(&format!("{file}  by key 4E11CE8E4DFD9853")), "{}", run.text());
        assert!(!engine.read(file).is_empty());
    }
    // A component's signature is the same thing, made over bytes in memory.
    let streamed = engine.read("tool.tar.gz.minisig");
    engine.run(["component", "sign", "tool.tar.gz", "--key", "author.key"]).exits(0);
    engine.assert_file("tool.tar.gz.minisig", &streamed);
}

#[test]
fn what_cannot_be_signed_is_explained() {
    let engine = release();
    sign(&engine, &["tool.exe"]).fails(2).says("nothing to sign with");
    sign(&engine, &["absent", "--sums"]).fails(7).says("absent");
    sign(&engine, &["tool.tar.gz", "--pfx", "me.pfx"]).fails(2).says("neither a program for Windows");
    sign(&engine, &["tool.exe", "--pfx", "me.pfx", "--tool", "./absent"]).fails(2).says("absent cannot be run");
    sign(&engine, &["tool.exe", "--thumbprint", "12"]).fails(2).says("no SHA-1");
    let pin = "pkcs11:object=k?pin-value=s3cr3t";
    let token = ["--pkcs11-module", "p.so", "--certificate", "pkcs11:object=c", "--certificate-key", pin];
    let careless = engine.run_carelessly([&["publish", "sign", "tool.exe"], &token[..]].concat());
    careless.fails(2).says("--certificate-password-fd");
    fs::create_dir(engine.path("more")).expect("scratch is writable");
    engine.write("more/tool.exe", "another");
    sign(&engine, &["tool.exe", "more/tool.exe", "--sums"]).fails(2).says("are called tool.exe");
}

/// A tool that does nothing, or another thing than it was asked for, is found out.
#[test]
#[cfg(unix)]
fn a_lying_tool_changes_nothing() {
    let engine = release();
    for (script, code, what) in [
        ("exit 0", 7, "cannot open"),
        ("exit 3", 1, "did not sign"),
        ("cp tool.exe $last; exit 0", 6, "there is no signature in it"),
        ("echo other > $last; exit 0", 6, "no program for Windows"),
        ("sleep 30", 4, "did not end within 1 s"),
    ] {
        tool(&engine, script);
        let arguments = ["tool.exe", "--pfx", "me.pfx", "--tool", "./tool", "--tool-timeout", "1"];
        let run = sign(&engine, &arguments).fails(code);
        assert!(run.stderr.contains(what), "{script}: {}", run.stderr);
        engine.assert_file("tool.exe", &program());
        assert!(engine.listing().iter().all(|name| !name.starts_with(".signing")), "{:?}", engine.listing());
    }
}

/// A shell script as the tool, which knows the file to write as `$last`.
#[cfg(unix)]
fn tool(engine: &Engine, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = engine.write("tool", format!("#!/bin/sh\nfor last; do :; done\n{script}\n"));
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
}

/// Where a child's arguments, environment and input go, for the scans.
const RECORD: &str = "cat /proc/$$/cmdline >> told; cat /proc/$$/environ >> told";

#[test]
#[cfg(target_os = "linux")]
fn no_secret_is_told_to_the_tool_but_through_the_pipe() {
    let engine = release()
        .variable("TURBO_ENGINE_CERTIFICATE_PASSWORD", SECRET)
        .variable("TURBO_ENGINE_NUGET_KEY", secret!("key of a feed"))
        .variable("TURBO_ENGINE_SIGN_PASSWORD", secret!("minisign"))
        .variable("GITHUB_TOKEN", secret!("token"));
    // A tool that repeats the password, as one might that is in trouble.
    tool(&engine, &format!("{RECORD}; cat > piped; cat piped; cat piped >&2; exit 1"));
    for json in [&[][..], &["--json"]] {
        let arguments = ["tool.exe", "--pfx", "me.pfx", "--tool", "./tool", "-vvv"];
        let run = sign(&engine, &[&arguments[..], json].concat()).exits(1);
        let said = run.text() + &run.stderr;
        assert!(!said.contains(MARK), "{said}");
        assert!(said.contains("[redacted]"), "{said}");
    }
    engine.assert_file("piped", SECRET.as_bytes());
    let told = String::from_utf8_lossy(&engine.read("told")).into_owned();
    assert!(told.contains("-pkcs12") && told.contains("PATH=") && told.contains("HOME="), "{told}");
    assert!(!told.contains(MARK) && !told.contains("TURBO_ENGINE"), "{told}");
}

#[test]
#[cfg(unix)]
fn a_password_comes_by_a_descriptor() {
    let engine = release();
    tool(&engine, "cat > piped; exit 1");
    engine.write("password", format!("{SECRET}\n"));
    let script = "exec \"$0\" publish sign tool.exe --pfx me.pfx --tool ./tool --certificate-password-fd 7 7<password";
    engine.shell(script, [""; 0]).finish().exits(1);
    engine.assert_file("piped", SECRET.as_bytes());
}

/// A certificate of code signing, self-signed: `NAME.pem`, `NAME.key`, and both
/// with a password in `NAME.pfx`.
pub fn certificate(folder: &Path, name: &str, kind: &[&str]) {
    let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
    let subject = ["-subj", "/O=Tests/CN=Test Signer", "-addext", "extendedKeyUsage=codeSigning"];
    let request = ["req", "-x509", "-nodes", "-days", "30", "-keyout", &key, "-out", &pem, "-newkey"];
    must(folder, "openssl", &[&request[..], kind, &subject].concat());
    fs::write(folder.join("password"), SECRET).expect("scratch is writable");
    let pfx = format!("{name}.pfx");
    must(
        folder,
        "openssl",
        &["pkcs12", "-export", "-inkey", &key, "-in", &pem, "-out", &pfx, "-passout", "file:password"],
    );
}

pub const RSA: &[&str] = &["rsa:2048"];
const EC: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
#[ignore = "needs osslsigncode"]
fn a_program_and_a_script_are_accepted_and_a_flipped_byte_is_not() {
    let engine = release().variable("TURBO_ENGINE_CERTIFICATE_PASSWORD", SECRET);
    let folder = engine.path("");
    certificate(&folder, "rsa", RSA);
    certificate(&folder, "ec", EC);
    // Once more over the first signature: it is replaced.
    for (identity, name) in
        [(&["--pfx", "rsa.pfx"][..], "rsa"), (&["--certificate", "ec.pem", "--certificate-key", "ec.key"], "ec")]
    {
        let files = ["tool.exe", "install.ps1", "tool.tar.gz"];
        let run = sign(&engine, &[&files[..], identity].concat()).exits(0).says("tool.tar.gz is not for Windows");
        assert!(run.text().contains("tool.exe  Authenticode by Test Signer"), "{}", run.text());
        assert!(run.text().contains("install.ps1  Authenticode by Test Signer"), "{}", run.text());
        for file in ["tool.exe", "install.ps1"] {
            let verify = |file: &str| run_verify(&folder, file, &format!("{name}.pem"));
            let (accepted, said) = verify(file);
            assert!(accepted, "{file} by {name}: {said}");
            let mut changed = engine.read(file);
            let at = if file == "tool.exe" { 600 } else { 3 };
            changed[at] ^= 1;
            let changed_name = format!("changed-{file}");
            engine.write(&changed_name, changed);
            assert!(!verify(&changed_name).0, "osslsigncode accepts a changed {file}");
        }
    }
    engine.assert_file("tool.tar.gz", b"an archive");
    let signed = String::from_utf8(engine.read("install.ps1")).expect("text");
    assert!(signed.starts_with(SCRIPT) && signed.matches("# SIG # Begin").count() == 1, "{signed}");
    // A wrong password, and a file that was there before.
    let stranger = release().variable("TURBO_ENGINE_CERTIFICATE_PASSWORD", secret!("but-wrong"));
    fs::copy(folder.join("rsa.pfx"), stranger.path("rsa.pfx")).expect("a file");
    sign(&stranger, &["tool.exe", "--pfx", "rsa.pfx"]).fails(1).says("osslsigncode did not sign tool.exe");
    stranger.assert_file("tool.exe", &program());
}

pub fn run_verify(folder: &Path, file: &str, authority: &str) -> (bool, String) {
    run(folder, "osslsigncode", &["verify", "-in", file, "-CAfile", authority])
}

/// What the engine itself says of a signature: a tool that damages what it
/// signed is found out, wherever the damage is.
#[test]
#[cfg(target_os = "linux")]
#[ignore = "needs osslsigncode"]
fn the_engine_verifies_by_itself() {
    let engine = release().variable("TURBO_ENGINE_CERTIFICATE_PASSWORD", SECRET);
    let folder = engine.path("");
    certificate(&folder, "rsa", RSA);
    engine.write("original.ps1", SCRIPT);
    engine.write("other.exe", {
        let mut other = program();
        other[700] ^= 1;
        other
    });
    // The real tool, and then a byte changed in what it made: in the content, in
    // the signature's last bytes, in its first.
    let flip = |at: &str| {
        format!(
            "osslsigncode \"$@\" || exit 1; byte=$(od -An -tu1 -j {at} -N1 $last); \
             printf \"\\\\$(printf %o $(( byte ^ 1 )))\" | dd of=$last bs=1 seek={at} conv=notrunc 2>/dev/null"
        )
    };
    let end = "$(( $(stat -c %s $last) - 40 ))";
    for (script, what) in [
        (flip("600"), "the file is not the one that was signed"),
        (flip("1040"), "cannot be read"),
        (flip(end), "forged"),
        ("osslsigncode $(echo \"$*\" | sed 's/-in tool.exe/-in other.exe/')".into(), "another file was signed"),
        ("osslsigncode \"$@\"; echo x >> $last".into(), "is not the end of it"),
    ] {
        tool(&engine, &script);
        let run = sign(&engine, &["tool.exe", "--pfx", "rsa.pfx", "--tool", "./tool"]).fails(6);
        assert!(run.stderr.contains(what), "{script}: {}", run.stderr);
        engine.assert_file("tool.exe", &program());
    }
    // With the secrets' scan over the real tool.
    tool(&engine, &format!("{RECORD}; exec osslsigncode \"$@\""));
    let run =
        sign(&engine, &["tool.exe", "install.ps1", "--pfx", "rsa.pfx", "--tool", "./tool", "-vvv", "--json"]).exits(0);
    let told = String::from_utf8_lossy(&engine.read("told")).into_owned();
    for said in [run.text(), run.stderr.clone(), told] {
        assert!(!said.contains(MARK), "{said}");
    }
    let event = &run.events()[0];
    assert_eq!((&event["signer"], &event["algorithm"]), (&"Test Signer".into(), &"sha-256".into()), "{event}");
}

/// A server of timestamps, played by openssl.
#[test]
#[ignore = "needs osslsigncode"]
fn a_timestamp_is_of_the_signature() {
    let engine = release().variable("TURBO_ENGINE_CERTIFICATE_PASSWORD", SECRET);
    let folder = engine.path("");
    certificate(&folder, "rsa", RSA);
    let usage = ["-subj", "/CN=Test Clock", "-addext", "extendedKeyUsage=critical,timeStamping"];
    let request =
        ["req", "-x509", "-nodes", "-newkey", "rsa:2048", "-keyout", "tsa.key", "-out", "tsa.pem", "-days", "9"];
    must(&folder, "openssl", &[&request[..], &usage].concat());
    engine.write("serial", "01\n");
    engine.write(
        "tsa.conf",
        "[tsa]\nserial = serial\nsigner_cert = tsa.pem\ncerts = tsa.pem\nsigner_key = tsa.key\nsigner_digest = sha256\n\
         default_policy = 1.2.3.4\ndigests = sha256\nordering = no\ntsa_name = no\ness_cert_id_chain = no\n",
    );
    let clock = Origin::start({
        let folder = folder.clone();
        move |request| {
            fs::write(folder.join("query.tsq"), &request.body).expect("scratch is writable");
            let reply = ["ts", "-reply", "-config", "tsa.conf", "-section", "tsa", "-queryfile", "query.tsq"];
            must(&folder, "openssl", &[&reply[..], &["-out", "reply.tsr"]].concat());
            let reply = fs::read(folder.join("reply.tsr")).expect("a reply");
            Answer::whole(200, reply.into()).header("Content-Type", "application/timestamp-reply")
        }
    });
    let run = sign(&engine, &["tool.exe", "--pfx", "rsa.pfx", "--timestamp", &clock.url("/")]).exits(0);
    assert!(run.text().contains("tool.exe  Authenticode by Test Signer, stamped 20"), "{}", run.text());
    let verify = ["verify", "-in", "tool.exe", "-CAfile", "rsa.pem", "-TSA-CAfile", "tsa.pem"];
    must(&folder, "osslsigncode", &verify);
    // A server that does not stamp.
    let broken = Origin::start(|_| Answer::status(500));
    engine.write("tool.exe", program());
    sign(&engine, &["tool.exe", "--pfx", "rsa.pfx", "--timestamp", &broken.url("/")]).fails(1).says("did not sign");
    engine.assert_file("tool.exe", &program());
}

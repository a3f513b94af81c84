//! Pushes to a bucket: a real server of git, and folders.

use std::fs;
use std::path::Path;
use std::thread;

use serde_json::Value;

use super::delivery::{arguments, check_records, push, told};
use crate::rig::{Bare, Engine, GitServer, Proxy, Run, secret};

/// The token that the server takes.
const TOKEN: &str = "s3cr3t-of-the-bucket";
/// One that no test beside this one gives to a process.
#[cfg(target_os = "linux")]
const UNSEEN: &str = secret!("that-nobody-sees");
const AUTHOR: [&str; 2] = ["--author", "Acme Bot <bot@acme.example>"];

/// A user who pushes one file, and its content.
fn publisher(repository: &str, path: &str) -> Engine {
    let engine = Engine::new().variable("BUCKET_TOKEN", TOKEN);
    engine.write("content", format!("{{\r\n    \"of\": \"{path}\"\r\n}}\r\n"));
    engine.write("delivery.json", push(repository, path, "content").to_string());
    engine
}

fn with_token(engine: &Engine, more: &[&str]) -> Run {
    engine.run(arguments(&[&AUTHOR[..], &["--credential", "env:BUCKET_TOKEN"], more].concat()))
}

fn plain(engine: &Engine, more: &[&str]) -> Run {
    engine.run(arguments(&[&AUTHOR[..], more].concat()))
}

/// A repository beside the user's files.
fn folder(engine: &Engine) -> Bare {
    Bare::create(&engine.home().join("bucket.git"))
}

/// A user of a bucket in a folder.
fn local(path: &str) -> (Engine, Bare) {
    let engine = publisher("", path);
    let bare = folder(&engine);
    engine.write("delivery.json", push(&bare.path.to_string_lossy(), path, "content").to_string());
    (engine, bare)
}

#[test]
#[ignore = "needs nginx, fcgiwrap and git"]
fn two_publishers_race_and_nothing_is_lost() {
    let server = GitServer::start(TOKEN);
    let (bare, url) = server.repository("bucket.git");
    for round in 0..4 {
        let engines = ["a", "b"].map(|name| publisher(&url, &format!("bucket/{name}{round}.json")));
        thread::scope(|scope| {
            for engine in &engines {
                scope.spawn(|| with_token(engine, &["--retry", "9"]).exits(0));
            }
        });
        for (name, engine) in ["a", "b"].iter().zip(&engines) {
            let path = format!("bucket/{name}{round}.json");
            assert_eq!(bare.show("main", &path).as_bytes(), engine.read("content"), "{path}");
            check_records(engine, &[TOKEN]);
        }
    }
    // One commit each, in one line: nobody's was overwritten, none came twice.
    assert_eq!(bare.log("main").len(), 9);
    assert_eq!(bare.git(&["log", "--merges", "--format=%h", "main"]), "");
    assert_eq!(bare.git(&["rev-list", "--count", "main"]).trim(), "9");
    let who = bare.git(&["log", "-1", "--format=%an %ae %cn %at %ct", "main"]);
    assert_eq!(who.trim(), "Acme Bot bot@acme.example Acme Bot 1795478400 1795478400");
    bare.git(&["fsck", "--strict"]);
}

#[test]
#[ignore = "needs nginx, fcgiwrap and git"]
fn the_server_says_why_it_refuses() {
    let server = GitServer::start(TOKEN);
    let (bare, url) = server.repository("bucket.git");
    let engine = publisher(&url, "bucket/tool.json").variable("WRONG", secret!("but-wrong"));
    let wrong = engine.run(arguments(&[&AUTHOR[..], &["--credential", "env:WRONG", "-vv"]].concat()));
    let wrong = wrong.fails(5).says("does not accept the credential (401)");
    assert!(!wrong.stderr.contains(secret!("but-wrong")), "{}", wrong.stderr);
    plain(&engine, &[]).fails(2).says("takes nothing without a credential").says("--credential");
    // It may be read and not be written to.
    bare.git(&["config", "http.receivepack", "false"]);
    with_token(&engine, &[]).fails(5).says("does not allow it").says("(403)");
    bare.git(&["config", "http.receivepack", "true"]);
    // A rule of the server's own.
    bare.hook("pre-receive", "echo 'this branch is protected' >&2; exit 1");
    with_token(&engine, &["--resume"]).fails(5).says("refuses").says("pre-receive hook declined").says("protected");
    assert_eq!(bare.log("main"), ["other"]);
    fs::remove_file(bare.path.join("hooks/pre-receive")).expect("a hook");
    with_token(&engine, &["--resume"]).exits(0);
    assert_eq!(bare.log("main").len(), 2);
    check_records(&engine, &[TOKEN, secret!("but-wrong")]);
    let absent = publisher(&url.replace("bucket.git", "absent.git"), "bucket/tool.json");
    with_token(&absent, &[]).fails(5).says("has no repository");
    let (_, other) = server.repository("other.git");
    let mut delivery = push(&other, "bucket/tool.json", "content");
    delivery["delivery"]["base"] = "absent".into();
    absent.write("delivery.json", delivery.to_string());
    fs::remove_file(absent.path("state.json")).ok();
    with_token(&absent, &[]).fails(5).says("has no branch absent");
}

/// Not in an argument or a variable of git or its children, not on the disk,
/// not in what is printed.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "needs nginx, fcgiwrap and git"]
fn the_token_is_nowhere_to_be_seen() {
    let server = GitServer::start(UNSEEN);
    let (bare, url) = server.repository("bucket.git");
    let engine = publisher(&url, "bucket/tool.json");
    engine.write("token", UNSEEN);
    // By a descriptor, so that not even our own environment has it.
    let script = "exec \"$0\" publish deliver delivery.json --state state.json --audit audit.jsonl --author 'A <a@b>' -vv \
                  --credential fd:7 7<token";
    let run = engine.shell(script, [""; 0]).finish().exits(0);
    assert_eq!(bare.log("main").len(), 2);
    fs::remove_file(engine.path("token")).expect("ours");
    assert!(run.children.iter().any(|line| line.contains("remote-http")), "the watcher saw git's children");
    let records = fs::read_dir(engine.home().join("children")).expect("git was run").flatten();
    let records = records.filter_map(|entry| fs::read_to_string(entry.path()).ok()).collect::<Vec<_>>().concat();
    assert!(records.contains("fast-import") && records.contains("GIT_CONFIG_NOSYSTEM=1"), "{records}");
    assert!(!records.contains(UNSEEN), "the token was seen");
    check_records(&engine, &[UNSEEN]);
    assert!(!engine.path("state.json.git").exists(), "the clone is gone");
}

/// Git's children get the user alone; the rig looks for the password in all of
/// them. The proxy is not told the token, and the server not the password.
#[test]
#[ignore = "needs nginx, fcgiwrap and git"]
fn a_proxy_gets_its_own_login_through_the_pipe() {
    const PASSWORD: &str = secret!("of-the-proxy");
    let server = GitServer::start(TOKEN);
    let (bare, url) = server.repository("bucket.git");
    let proxy = Proxy::locked(server.address(), &format!("me:{PASSWORD}"));
    let engine = publisher(&url, "bucket/tool.json");
    let address = proxy.url().replace("http://", &format!("http://me:{PASSWORD}@"));
    let engine = engine.variable("TURBO_ENGINE_PROXY", &address);
    with_token(&engine, &["-vvv"]).exits(0);
    assert_eq!(bare.log("main").len(), 2);
    let asked = proxy.requests();
    let served: Vec<_> = asked.iter().filter(|request| request.header("Proxy-Authorization").is_some()).collect();
    assert!(served.iter().any(|request| request.path.ends_with("/git-receive-pack")), "{} requests", asked.len());
    check_records(&engine, &[TOKEN, PASSWORD]);
    let wrong = publisher(&url, "bucket/other.json");
    let wrong = wrong.variable("TURBO_ENGINE_PROXY", address.replace("of-the-proxy", "of-no-proxy"));
    let run = with_token(&wrong, &[]);
    assert!(matches!(run.code, Some(1 | 4 | 5)), "{:?}: {}", run.code, run.stderr);
}

#[test]
#[ignore = "needs git"]
fn a_change_arrives_once_and_says_what_it_changes() {
    let (engine, bare) = local("bucket/tool.json");
    bare.add("main", &[("bucket/tool.json", "100644", "{\n}\n"), ("bucket/gone.json", "100644", "old\n")]);
    let mut delivery: Value = serde_json::from_slice(&engine.read("delivery.json")).expect("JSON");
    delivery["delivery"]["deletes"] = serde_json::json!(["bucket/gone.json"]);
    engine.write("delivery.json", delivery.to_string());
    let dry = plain(&engine, &["--dry-run"]).exits(0).text();
    for line in [
        "commit by Acme Bot <bot@acme.example>, 2026-11-24",
        "    bucket/tool.json: Update to version 1.2.0",
        "--- a/bucket/gone.json",
        "-old",
        "+    \"of\": \"bucket/tool.json\"",
    ] {
        assert!(dry.lines().any(|shown| shown == line), "no `{line}` in\n{dry}");
    }
    assert_eq!((bare.log("main").len(), engine.listing().len()), (2, 2), "a dry run changes nothing");
    let run = plain(&engine, &[]).exits(0);
    let commit = bare.git(&["rev-parse", "main"]);
    assert_eq!(run.text(), format!("scoop: delivered: file://{} main {}\n", bare.path.display(), commit.trim()));
    assert_eq!(bare.git(&["ls-tree", "-r", "--name-only", "main"]), "README.md\nbucket/tool.json\n");
    assert_eq!(told(&engine), ["intent push", "performed push", "confirmed push"]);
    // Again, and from a machine that knows nothing of it: no empty commit.
    fs::remove_file(engine.path("state.json")).expect("a state");
    for more in [&[][..], &["--resume"]] {
        assert!(plain(&engine, more).exits(0).text().starts_with("scoop: already there: "));
    }
    assert!(plain(&engine, &["--dry-run"]).exits(0).text().contains("main has it already"));
    assert_eq!(bare.log("main").len(), 3);
    check_records(&engine, &[]);
}

/// What a repository holds may be somebody's trap.
#[test]
#[ignore = "needs git"]
fn links_and_repositories_in_the_way_are_refused() {
    for (mode, name, content) in [
        ("120000", "bucket", "/etc"),
        ("120000", "bucket/tool.json", "../../x"),
        ("160000", "bucket", ""),
        ("100644", "bucket", "a file"),
        ("100644", "bucket/tool.json/x", "a folder"),
    ] {
        let (engine, bare) = local("bucket/tool.json");
        if mode == "160000" {
            let head = bare.git(&["rev-parse", "main"]);
            let tree = format!("160000 commit {}\t{name}\n", head.trim());
            let script = format!("printf '{tree}' | git mktree --missing");
            let made = std::process::Command::new("sh").args(["-c", &script]).current_dir(&bare.path).output();
            let tree = String::from_utf8(made.expect("git").stdout).expect("text");
            let commit = bare.git(&["-c", "user.name=o", "-c", "user.email=o", "commit-tree", "-m", "x", tree.trim()]);
            bare.git(&["update-ref", "refs/heads/main", commit.trim()]);
        } else {
            bare.add("main", &[(name, mode, content)]);
        }
        let before = bare.log("main");
        plain(&engine, &[]).fails(8).says("in its");
        assert_eq!(bare.log("main"), before, "{mode} {name}");
    }
}

/// Nothing of the user's or the system's configuration counts, and no hook runs.
#[cfg(unix)]
#[test]
#[ignore = "needs git"]
fn git_does_what_we_say_and_nothing_else() {
    let (engine, bare) = local("bucket/tool.json");
    let trap = engine.home().join("trapped");
    let evil = format!("touch {}", trap.display());
    let config = format!(
        "[core]\n hooksPath = {0}/hooks\n fsmonitor = {evil}\n[user]\n name = Nobody\n[init]\n templateDir = {0}/template\n\
         [url \"file:///nowhere/\"]\n insteadOf = file://\n[filter \"x\"]\n clean = {evil}\n",
        engine.home().display()
    );
    for folder in ["hooks", "template/hooks"] {
        fs::create_dir_all(engine.home().join(folder)).expect("writable");
        for hook in ["pre-push", "reference-transaction", "post-commit"] {
            let path = engine.home().join(folder).join(hook);
            fs::write(&path, format!("#!/bin/sh\n{evil}\n")).expect("writable");
            fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
        }
    }
    for path in [engine.home().join(".gitconfig"), engine.home().join("config/git/config")] {
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, &config).expect("writable");
    }
    let engine = engine.variable("GIT_DIR", "/nowhere").variable("GIT_EXTERNAL_DIFF", &evil).variable("GIT_SSH", &evil);
    bare.add("main", &[(".gitattributes", "100644", "* filter=x diff=x\n")]);
    plain(&engine, &["--dry-run"]).exits(0);
    plain(&engine, &[]).exits(0);
    assert_eq!(bare.log("main").len(), 3);
    assert!(!trap.exists(), "something of the user's was run");
}

#[cfg(unix)]
#[test]
#[ignore = "needs git"]
fn ssh_asks_nobody_and_uses_the_users_agent() {
    let (engine, bare) = local("bucket/tool.json");
    let tools = engine.home().join("tools");
    fs::create_dir(&tools).expect("writable");
    // What ssh would do: run the command on the host.
    let script = format!(
        "#!/bin/sh\necho \"$SSH_AUTH_SOCK $@\" >>{}/calls\nfor last; do :; done\nunset GIT_DIR\nexec sh -c \"$last\"\n",
        tools.display()
    );
    fs::write(tools.join("ssh"), script).expect("writable");
    fs::set_permissions(tools.join("ssh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("ours");
    let url = format!("git@git.example:{}", bare.path.display());
    engine.write("delivery.json", push(&url, "bucket/tool.json", "content").to_string());
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").expect("a path"));
    let engine = engine.variable("PATH", path).variable("SSH_AUTH_SOCK", "/agent");
    with_token(&engine, &[]).exits(0);
    assert_eq!(bare.log("main").len(), 2);
    let calls = fs::read_to_string(tools.join("calls")).expect("ssh was called");
    let is_right = |line: &str| {
        line.starts_with("/agent ") && line.contains("-oBatchMode=yes") && line.contains("git@git.example")
    };
    assert!(calls.lines().all(is_right), "{calls}");
    assert!(!calls.contains(TOKEN));
}

#[test]
fn what_is_no_repository_is_refused_before_git_is_run() {
    for (repository, words) in [
        ("https://me:s3cr3t@git.example/x", "do not belong there"),
        ("ext::sh -c touch% /tmp/x", "not a repository"),
        ("--upload-pack=touch", "not a repository"),
        ("-oProxyCommand=x:y", "not a repository"),
        ("ftp://git.example/x", "not a repository"),
        ("a/b/c", "not a repository"),
    ] {
        let engine = publisher(repository, "bucket/tool.json");
        let run = with_token(&engine, &[]).fails(2).says(words);
        assert!(!run.stderr.contains("s3cr3t"), "{}", run.stderr);
        assert!(!engine.path("state.json.git").exists());
    }
    let engine = publisher("http://git.example/x", "bucket/tool.json");
    with_token(&engine, &[]).fails(2).says("not encrypted");
    engine.run(arguments(&["--author", "nobody"])).fails(2).says("--author");
    engine.run(arguments(&["--author", "A <a\nb>"])).fails(2).says("--author");
    engine.run(arguments(&[])).fails(2).says("--author");
}

#[test]
#[ignore = "needs git"]
fn a_missing_git_is_told() {
    let (engine, _bare) = local("bucket/tool.json");
    let engine = engine.variable("PATH", Path::new("/nowhere"));
    plain(&engine, &[]).fails(2).says("git cannot be run").says("install git");
}

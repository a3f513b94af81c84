//! Destinations as they are when a release is published: read from GitHub's
//! API, from repositories of git, from folders; and servers that lie.

use std::fs;
use std::sync::Mutex;

use serde_json::Value;

use super::world::World;
use crate::rig::github::{TOKEN, UPSTREAM};
use crate::rig::{Answer, Bare, Engine, GitHub, GitServer, Origin, Request, Run, secret};

/// Where the versions of the package lie.
const PACKAGE: &str = "manifests/e/Example/Tool";

/// A release of a program for Windows, with one channel.
fn user(channel: &str) -> Engine {
    let engine = Engine::new().variable("GITHUB_TOKEN", TOKEN);
    engine.write("tool.exe", b"MZ of a program");
    engine.write(
        "turbo-release.toml",
        format!(
            "[release]\nname = 'tool'\nversion = '1.2.3'\ndate = '2026-11-25'\npublisher = 'Example'\n\
             license = 'MIT'\nhomepage = 'https://tool.example'\nsummary = 'Does what a tool does, and no more than that'\n\
             [[artifact]]\npath = 'tool.exe'\nurl = 'https://dl.example/1.2.3/tool.exe'\n\
             os = 'windows'\narch = 'x64'\ninstaller-type = 'portable'\n{channel}"
        ),
    );
    engine
}

/// The channel of winget at an API.
fn winget(api: &str) -> String {
    format!(
        "[channel.winget]\nrepository = '{UPSTREAM}'\napi = '{api}'\nCREDENTIAL\n[channel.winget.settings]\nidentifier = 'Example.Tool'\n"
    )
}

/// A user of winget who has a token.
fn member(api: &str) -> Engine {
    user(&winget(api).replace("CREDENTIAL", "credential = 'env:GITHUB_TOKEN'"))
}

/// A user of winget who has none.
fn anybody(api: &str) -> Engine {
    user(&winget(api).replace("CREDENTIAL", ""))
}

fn dry(engine: &Engine, more: &[&str]) -> Run {
    let patient = ["--connect-timeout", "2", "--stall-timeout", "2", "--retry", "1"];
    engine.run([&["publish", "--dry-run", "--no-gate", "--json"], &patient[..], more].concat())
}

/// Rehearses a release for winget at an API, whatever comes of it.
pub fn rehearse(api: &str) {
    dry(&member(api), &[]).exits(0);
}

/// What the only channel would deliver.
#[track_caller]
fn proposed(run: &Run) -> Value {
    let events = run.events();
    let proposed = events.iter().find(|event| event["event"] == "proposed");
    proposed.unwrap_or_else(|| panic!("nothing is proposed: {}", run.stderr)).clone()
}

/// A file of the delivery, by the end of its name.
#[track_caller]
fn file(proposed: &Value, end: &str) -> String {
    let files = proposed["deliveries"][0]["files"].as_array().expect("files");
    let found = files.iter().find(|file| file["path"].as_str().is_some_and(|path| path.ends_with(end)));
    found.unwrap_or_else(|| panic!("no {end}: {files:#?}"))["content"].as_str().expect("text").to_owned()
}

/// The manifests of an earlier version, as somebody wrote them by hand.
fn manifests(version: &str, upgrade: &str) -> [(String, String); 4] {
    let head = format!("PackageIdentifier: Example.Tool\nPackageVersion: '{version}'\n");
    let file = |part: &str, body: &str| {
        (format!("{PACKAGE}/{version}/Example.Tool{part}.yaml"), format!("{head}{body}ManifestVersion: 1.12.0\n"))
    };
    let installer = format!(
        "UpgradeBehavior: {upgrade}\nInstallers:\n- Architecture: x64\n  InstallerType: portable\n  \
         InstallerUrl: https://dl.example/{version}/tool.exe\n  InstallerSha256: {}\nManifestType: installer\n",
        "A".repeat(64)
    );
    let texts = "Publisher: Example\nPackageName: tool\nLicense: MIT\n";
    [
        file("", "DefaultLocale: en-US\nManifestType: version\n"),
        file(".installer", &installer),
        file(
            ".locale.en-US",
            &format!(
                "PackageLocale: en-US\n{texts}ShortDescription: Old\nMoniker: toolie\nManifestType: defaultLocale\n"
            ),
        ),
        file(
            ".locale.de-DE",
            &format!("PackageLocale: de-DE\n{texts}ShortDescription: Tut was\nManifestType: locale\n"),
        ),
    ]
}

fn add(github: &GitHub, version: &str, upgrade: &str) {
    for (path, content) in manifests(version, upgrade) {
        github.commit(UPSTREAM, "master", (&path, &content));
    }
}

/// Requests for what a repository has at a path, without the rehearsal's: those
/// before anybody asks who the user is.
fn reads(github: &GitHub) -> Vec<Request> {
    github.origin.requests().into_iter().take_while(|request| request.path != "/user").collect()
}

#[test]
fn a_new_version_goes_on_from_the_one_before() {
    let github = GitHub::start();
    add(&github, "1.2.2", "uninstallPrevious");
    add(&github, "1.10.0", "deny");
    add(&github, "1.1.9", "deny");
    github.commit(UPSTREAM, "master", (&format!("{PACKAGE}/Beta/1.2.3/Example.Tool.Beta.yaml"), "Other: package\n"));
    let run = dry(&member(&github.origin.url("")), &[]).exits(0);
    let proposed = proposed(&run);
    assert_eq!(proposed["deliveries"][0]["title"], "New version: Example.Tool version 1.2.3");
    assert!(file(&proposed, ".installer.yaml").contains("UpgradeBehavior: uninstallPrevious"), "{proposed:#}");
    assert!(file(&proposed, ".locale.en-US.yaml").contains("Moniker: toolie"), "{proposed:#}");
    assert!(file(&proposed, ".locale.de-DE.yaml").contains("ShortDescription: Tut was"), "{proposed:#}");
    let reads = reads(&github);
    // Branch and head; two folders; this version's file, and three of the one before.
    assert_eq!(reads.len(), 8, "{:#?}", reads.iter().map(|request| &request.path).collect::<Vec<_>>());
    assert_eq!(github.effects(), Vec::<String>::new());
}

#[test]
fn a_version_that_is_there_is_brought_up_to_date() {
    let github = GitHub::start();
    add(&github, "1.2.2", "deny");
    add(&github, "1.2.3", "uninstallPrevious");
    let proposed = proposed(&dry(&anybody(&github.origin.url("")), &[]).exits(0));
    assert_eq!(proposed["deliveries"][0]["title"], "Update version: Example.Tool version 1.2.3");
    assert!(file(&proposed, ".installer.yaml").contains("UpgradeBehavior: uninstallPrevious"), "{proposed:#}");
    let effects = proposed["effects"].as_str().expect("effects");
    assert!(effects.contains(&format!("--- a/{PACKAGE}/1.2.3/Example.Tool.installer.yaml")), "{effects}");
    let digest = |line: &str| line.starts_with('-') && line.contains(&"A".repeat(64));
    assert!(effects.lines().any(digest), "the digest that is there goes:\n{effects}");
}

#[test]
fn the_public_reads_without_a_token() {
    let github = GitHub::start();
    add(&github, "0.9", "deny");
    let engine = anybody(&github.origin.url(""));
    let found = proposed(&dry(&engine, &[]).exits(0));
    assert_eq!(found["deliveries"][0]["title"], "New version: Example.Tool version 1.2.3");
    let requests = github.origin.requests();
    assert!(!requests.is_empty() && requests.iter().all(|request| request.header("Authorization").is_none()));
    // All of it is of one commit, the head at the start.
    let head = github.head(UPSTREAM, "master").expect("a head");
    let contents: Vec<&Request> = requests.iter().filter(|request| request.path.contains("/contents/")).collect();
    assert!(contents.len() > 3 && contents.iter().all(|request| request.path.ends_with(&format!("?ref={head}"))));
}

#[test]
fn nothing_before_is_a_new_package() {
    let github = GitHub::start();
    let first = proposed(&dry(&anybody(&github.origin.url("")), &[]).exits(0));
    assert_eq!(first["deliveries"][0]["title"], "New package: Example.Tool version 1.2.3");
    // Nor is another package's folder, nor a version that the user does not want.
    let path = format!("{PACKAGE}/Beta/Example.Tool.Beta.yaml");
    github.commit(UPSTREAM, "master", (&path, "Other: package\n"));
    let second = proposed(&dry(&anybody(&github.origin.url("")), &[]).exits(0));
    assert_eq!(second["deliveries"][0]["title"], "New package: Example.Tool version 1.2.3");
    add(&github, "1.0", "deny");
    let channel = winget(&github.origin.url("")).replace("CREDENTIAL", "") + "carry-forward = false\n";
    let third = proposed(&dry(&user(&channel), &[]).exits(0));
    assert_eq!(third["deliveries"][0]["title"], "New package: Example.Tool version 1.2.3");
}

#[test]
fn what_the_destination_becomes_does_not_change_what_was_ordered() {
    let world = World::new();
    world.write(&world.winget());
    let add = |version: &str| {
        for (path, content) in manifests(version, "deny") {
            let path = path.replace("/e/Example/", "/a/Acme/").replace("Example", "Acme");
            world.github.commit(UPSTREAM, "master", (&path, &content.replace("Example", "Acme")));
        }
    };
    add("1.1.0");
    world.publish(&[]).exits(0);
    assert_eq!(world.github.pulls()[0].title, "New version: Acme.Tool version 1.2.0");
    add("1.1.1");
    let before = world.github.origin.requests().len();
    let run = world.publish(&[]).exits(0);
    assert!(run.text().starts_with("winget: already there: "), "{}", run.text());
    assert_eq!(world.github.origin.requests().len(), before, "it is known without asking");
}

#[test]
fn few_folders_are_looked_into() {
    let github = GitHub::start();
    for number in 0..40 {
        github.commit(UPSTREAM, "master", (&format!("{PACKAGE}/0.{number}/notes.txt"), "no manifest\n"));
    }
    dry(&anybody(&github.origin.url("")), &[]).exits(0);
    let requests = github.origin.requests();
    let looks = requests.iter().filter(|request| request.path.contains("/contents/manifests/e/Example/Tool/0."));
    assert_eq!(looks.count(), 5);
    // Branch, head, the package's folder, five in it, and the file that is wanted.
    assert_eq!(requests.len(), 9);
}

#[test]
fn a_branch_of_the_users_is_the_one_that_is_read() {
    let github = GitHub::start();
    add(&github, "1.0", "deny");
    let channel = winget(&github.origin.url("")).replace("CREDENTIAL", "base = 'master'");
    let found = proposed(&dry(&user(&channel), &[]).exits(0));
    assert_eq!(found["deliveries"][0]["title"], "New version: Example.Tool version 1.2.3");
    assert!(!github.origin.requests().iter().any(|request| request.path == format!("/repos/{UPSTREAM}")));
    let channel = channel.replace("'master'", "'absent'");
    dry(&user(&channel), &[]).fails(5).says("has no branch absent in microsoft/winget-pkgs").says("check `repository`");
}

#[test]
fn a_refusal_has_its_exit_code() {
    type Bent = fn(&Request) -> Option<Answer>;
    let cases: [(Bent, i32, &str); 9] = [
        (|_| Some(json(404, "{}")), 5, "has no repository microsoft/winget-pkgs"),
        (|_| Some(json(401, "{}")), 5, "does not accept the credential (401)"),
        (
            |_| Some(json(403, "{}").header("X-Accepted-GitHub-Permissions", "contents=read")),
            5,
            "would do: contents=read",
        ),
        (|_| Some(json(403, "{}").header("Retry-After", "9000")), 5, "asks to wait for 3600 s"),
        (|_| Some(json(200, "<html>")), 5, "cannot be trusted"),
        (|_| Some(json(500, "{}")), 5, "500"),
        (
            |request| contents(request, r#"{"type": "file", "sha": "0", "encoding": "base64", "content": "§"}"#),
            5,
            "no base64",
        ),
        (|request| contents(request, r#"{"type": "symlink", "sha": "0"}"#), 5, "is something else"),
        (
            |request| contents(request, r#"{"type": "file", "sha": "0", "encoding": "none"}"#),
            5,
            "more than 1048576 bytes",
        ),
    ];
    for (bent, code, reason) in cases {
        let github = GitHub::start();
        github.bend(bent);
        let engine = member(&github.origin.url(""));
        let run = dry(&engine, &[]).fails(code).says("cannot be read").says(reason);
        assert!(!run.stderr.contains(TOKEN) && !run.text().contains(TOKEN), "{}", run.stderr);
    }
    // Without a token, 401 asks for one.
    let github = GitHub::start();
    github.bend(|_| Some(json(401, "{}")));
    dry(&anybody(&github.origin.url("")), &[]).fails(2).says("takes nothing without a credential");
    // Nobody there at all.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port");
    dry(&member(&format!("http://{closed}")), &[]).fails(4).says("cannot be read");
}

fn json(status: u16, body: &str) -> Answer {
    Answer::whole(status, body.as_bytes().to_vec().into()).header("Content-Type", "application/json")
}

/// The answer to a question for a file, in place of its own.
fn contents(request: &Request, body: &str) -> Option<Answer> {
    request.path.contains("/Example.Tool.yaml").then(|| json(200, body))
}

#[test]
fn an_answer_without_an_end_ends() {
    let github = GitHub::start();
    github.bend(|request| request.path.contains("/contents/").then(|| Answer::text(" ".repeat(1 << 20)).endless()));
    dry(&anybody(&github.origin.url("")), &[]).fails(5).says("more than the 16777216 bytes expected");
    github.bend(|_| Some(Answer::silence()));
    let before = github.origin.requests().len();
    dry(&anybody(&github.origin.url("")), &[]).fails(4);
    assert_eq!(github.origin.requests().len() - before, 2, "it is asked once more, as --retry says");
}

#[test]
fn a_token_goes_nowhere_else() {
    let other = Origin::start(|_| Answer::text("{}"));
    let there = other.url("/elsewhere");
    let github = GitHub::start();
    let asked = Mutex::new(0);
    github.bend(move |request| {
        *asked.lock().expect("unpoisoned") += 1;
        request.path.contains("/contents/").then(|| Answer::redirect(there.clone()))
    });
    dry(&member(&github.origin.url("")), &[]).fails(5).says("a redirect (302");
    assert_eq!(other.requests().len(), 0);
    // Nor does it go in the clear.
    let engine = member("http://api.example");
    dry(&engine, &["--resolve", &other.resolve("api.example:80")]).fails(2).says("the connection is not encrypted");
    assert_eq!(other.requests().len(), 0);
}

/// An interrupt counts while a server is thinking.
#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_waiting() {
    let github = GitHub::start();
    let (sender, asked) = std::sync::mpsc::channel();
    let sender = Mutex::new(sender);
    github.bend(move |_| {
        sender.lock().expect("unpoisoned").send(()).expect("somebody waits");
        Some(Answer::silence())
    });
    let engine = member(&github.origin.url(""));
    let running = engine.start(["publish", "--dry-run", "--no-gate"]);
    asked.recv().expect("a request");
    running.signal("INT");
    running.finish().fails(9).says("interrupted");
}

#[test]
fn a_folder_stands_for_the_destination() {
    let nobody = Origin::start(|_| Answer::status(500));
    let engine = member(&nobody.url(""));
    for (path, content) in manifests("1.2.2", "uninstallPrevious") {
        let path = engine.path("before/winget").join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, content).expect("writable");
    }
    let found = proposed(&dry(&engine, &["--prior", "before"]).exits(0));
    assert_eq!(found["deliveries"][0]["title"], "New version: Example.Tool version 1.2.3");
    assert!(file(&found, ".installer.yaml").contains("UpgradeBehavior: uninstallPrevious"), "{found:#}");
    assert_eq!(nobody.requests().len(), 0, "nobody is asked");
}

#[test]
fn who_wants_nothing_asks_nobody() {
    let nobody = Origin::start(|_| Answer::status(500));
    let channel = format!(
        "[channel.chocolatey]\nendpoint = 'https://push.example/'\nrepository = '{UPSTREAM}'\napi = '{}'\n",
        nobody.url("")
    );
    let found = proposed(&dry(&user(&channel), &[]).exits(0));
    assert_eq!(found["deliveries"][0]["kind"], "nupkg");
    assert_eq!(nobody.requests().len(), 0);
}

#[test]
fn a_folder_is_read_where_it_is() {
    let engine = user("[channel.scoop]\nfolder = 'mine'\n");
    fs::create_dir_all(engine.path("mine/bucket")).expect("writable");
    engine.write("mine/bucket/tool.json", "no JSON");
    // What stands there is seen, and cannot be gone on from.
    engine.run(["publish", "--no-gate", "--out", "out"]).fails(1).says("bucket/tool.json");
}

/// A bucket in a folder of this machine, and a user who pushes to it.
fn bucket(base: &str) -> (Engine, Bare) {
    let engine = Engine::new();
    let bare = Bare::create(&engine.home().join("bucket.git"));
    let path = bare.path.display().to_string();
    let channel = format!(
        "[channel.scoop]\nrepository = '{path}'\n{base}\nauthor = 'Example Bot <bot@tool.example>'\n\
         [channel.scoop.settings]\nroute = 'push'\n"
    );
    let user = user(&channel);
    for name in ["turbo-release.toml", "tool.exe"] {
        engine.write(name, user.read(name));
    }
    (engine, bare)
}

const MANIFEST: &str = "{\r\n    \"version\": \"1.2.2\",\r\n    \"description\": \"Old\",\r\n    \
    \"homepage\": \"https://tool.example\",\r\n    \"license\": \"MIT\",\r\n    \"notes\": \"By hand\",\r\n    \
    \"url\": \"https://dl.example/1.2.2/tool.exe\",\r\n    \"hash\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\r\n    \
    \"bin\": \"tool.exe\",\r\n    \"persist\": \"data\"\r\n}\r\n";

#[test]
#[ignore = "needs git"]
fn a_bucket_of_git_keeps_what_was_written_by_hand() {
    let (engine, bare) = bucket("base = 'main'");
    bare.add("main", &[("bucket/tool.json", "100644", MANIFEST)]);
    let found = proposed(&dry(&engine, &[]).exits(0));
    let manifest: Value = serde_json::from_str(&file(&found, "bucket/tool.json")).expect("JSON");
    let told = (&manifest["version"], &manifest["notes"], &manifest["persist"]);
    assert_eq!(told, (&"1.2.3".into(), &"By hand".into(), &"data".into()));
    let effects = found["effects"].as_str().expect("effects");
    for line in ["-    \"version\": \"1.2.2\",", "+    \"version\": \"1.2.3\",", "     \"notes\": \"By hand\","] {
        assert!(effects.lines().any(|found| found.trim_end() == line), "no `{line}`:\n{effects}");
    }
    assert_eq!(bare.log("main").len(), 2, "nothing was pushed");
    let cache = engine.cached_files();
    assert!(!cache.iter().any(|path| path.ends_with("HEAD")), "no clone is left: {cache:?}");
    // And so it is pushed.
    let world = World::new();
    let (channel, bare) = world.scoop();
    world.write(&channel);
    bare.add("main", &[("bucket/tool.json", "100644", MANIFEST)]);
    world.publish(&[]).exits(0);
    let pushed: Value = serde_json::from_str(&bare.show("main", "bucket/tool.json")).expect("JSON");
    assert_eq!((&pushed["version"], &pushed["notes"]), (&"1.2.0".into(), &"By hand".into()));
}

#[test]
#[ignore = "needs git"]
fn a_repository_of_git_is_read_as_it_says_itself() {
    // Its own default branch, where the user names none.
    let (engine, bare) = bucket("");
    bare.add("trunk", &[("bucket/tool.json", "100644", MANIFEST)]);
    bare.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let out = engine.run(["publish", "--no-gate", "--out", "out"]).exits(0);
    assert!(String::from_utf8(engine.read("out/scoop/bucket/tool.json")).expect("text").contains("By hand"), "{out:?}");
    // What is no file, or too large a one, is not gone on from.
    for (mode, content, reason) in [
        ("120000", "../elsewhere".to_owned(), "what is at bucket/tool.json is something else"),
        ("100644", "x".repeat((1 << 20) + 1), "more than 1048576 bytes"),
    ] {
        bare.add("trunk", &[("bucket/tool.json", mode, &content)]);
        engine.run(["publish", "--no-gate", "--out", "out"]).fails(5).says(reason);
    }
    let (engine, _bare) = bucket("base = 'absent'");
    dry(&engine, &[]).fails(5).says("has no branch absent");
    let (engine, bare) = bucket("");
    fs::remove_dir_all(&bare.path).expect("ours");
    dry(&engine, &[]).fails(1).says("cannot be read");
}

#[test]
#[ignore = "needs git"]
fn a_server_of_git_says_why_it_shows_nothing() {
    for (status, code, reason) in [
        (401, 2, "takes nothing without a credential"),
        (403, 5, "does not allow it: reading http://"),
        (404, 5, "has no repository http://"),
    ] {
        let server = Origin::start(move |_| Answer::status(status));
        let channel = format!("[channel.scoop]\nrepository = '{}'\n", server.url("/bucket.git"));
        dry(&user(&channel), &[]).fails(code).says("cannot be read").says(reason);
        let asked = server.requests();
        assert!(
            asked.iter().all(|request| request.path.ends_with("?service=git-upload-pack")),
            "nothing is to be sent"
        );
    }
}

#[test]
#[ignore = "needs nginx, fcgiwrap and git"]
fn a_private_bucket_is_read_with_its_token() {
    let server = GitServer::start(TOKEN);
    let (bare, url) = server.repository("bucket.git");
    bare.add("main", &[("bucket/tool.json", "100644", MANIFEST)]);
    let channel = format!("[channel.scoop]\nrepository = '{url}'\ncredential = 'env:GITHUB_TOKEN'\n");
    let run = user(&channel).run(["publish", "--no-gate", "--out", "out", "--json"]).exits(0);
    assert!(file(&proposed(&run), "tool.json").contains("By hand"));
    let wrong = user(&channel).variable("GITHUB_TOKEN", secret!("but-wrong"));
    let run = wrong.run(["publish", "--no-gate", "--out", "out", "-vv"]).fails(5);
    assert!(
        run.stderr.contains("does not accept the credential (401)") && !run.stderr.contains("but-wrong"),
        "{}",
        run.stderr
    );
}

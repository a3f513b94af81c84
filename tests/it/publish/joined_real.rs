//! One command, and real servers at its ends: nginx with git's own back end,
//! and a feed that the real client of `NuGet` installs from.

use super::world::World;
use crate::rig::github::TOKEN;
use crate::rig::{GitServer, Minchoc, nuget};

#[test]
#[ignore = "needs nginx, fcgiwrap, git, minchoc and nuget"]
fn real_servers_have_what_was_published() {
    let (server, feed) = (GitServer::start(TOKEN), Minchoc::start());
    let (bucket, url) = server.repository("bucket.git");
    let world = World::new().variable("MINCHOC_KEY", Minchoc::KEY);
    let channels = format!(
        "[channel.chocolatey]\nendpoint = '{}'\ncredential = 'env:MINCHOC_KEY'\n\
         [channel.scoop]\nrepository = '{url}'\nbase = 'main'\ncredential = 'env:GITHUB_TOKEN'\n\
         author = 'Acme Bot <bot@acme.example>'\nsettings = {{ }}\n{}",
        feed.url(),
        world.winget()
    );
    world.write(&channels);
    let dry = world.publish(&["--dry-run"]).exits(0).text();
    assert!(dry.contains("commit by Acme Bot <bot@acme.example>, 2026-11-24"), "{dry}");
    assert_eq!(bucket.moves("main"), 1, "a dry run pushes nothing");
    world.publish(&[]).exits(0);
    assert_eq!(bucket.log("main"), ["tool: Add version 1.2.0", "other"]);
    world.engine.write("tool.json", bucket.show("main", "bucket/tool.json"));
    world.engine.run(["publish", "check", "tool.json"]).exits(0);
    let (folder, source) = (world.engine.path(""), format!("{}/api/v2/", feed.url()));
    let output = nuget(&folder, &["install", "tool", "-Source", &source, "-OutputDirectory", "out"]);
    assert!(output.status.success(), "{output:?}");
    let script = folder.join("out/tool.1.2.0/tools/chocolateyInstall.ps1");
    assert!(script.exists(), "{:?}", world.engine.files_below("out"));
    world.check_records();
    // The next version goes on from what is there, and finds what people wrote.
    let standing = bucket.show("main", "bucket/tool.json").replace("\"bin\"", "\"persist\": \"data\",\r\n    \"bin\"");
    bucket.add("main", &[("bucket/tool.json", "100644", &standing)]);
    world.next("1.3.0");
    world.publish(&[]).exits(0);
    assert_eq!(bucket.log("main")[0], "tool: Update to version 1.3.0");
    let kept = bucket.show("main", "bucket/tool.json");
    assert!(kept.contains("\"persist\": \"data\"") && kept.contains("1.3.0"), "{kept}");
    let titles: Vec<String> = world.github.pulls().into_iter().map(|pull| pull.title).collect();
    assert_eq!(titles.len(), 2, "{titles:?}");
    let status = world.status(&["--json"]);
    let fates: Vec<String> = status
        .events()
        .iter()
        .filter(|event| event["event"] == "status")
        .map(|event| format!("{} {}", event["release"].as_str().unwrap_or(""), event["channel"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(fates.len(), 6, "{fates:?}");
}

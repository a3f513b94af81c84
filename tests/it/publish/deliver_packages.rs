//! Packages to a feed and artifacts to a registry.

use serde_json::json;

use super::delivery::{arguments, check_records, told};
use super::world::KEY;
use crate::rig::{Answer, Door, Engine, Origin, Registry, Run};

const NUSPEC: &str = "<package><metadata><id>tool</id><version>1.0.0</version><authors>Acme</authors>\
    <description>Does what a tool does.</description></metadata></package>";

fn publisher(delivery: &serde_json::Value) -> Engine {
    let engine = Engine::new().variable("TOKEN", KEY);
    engine.write("tool.nuspec", NUSPEC);
    engine.write("install.ps1", "exit 0\r\n");
    let delivery = json!({
        "release": {"name": "tool", "version": "1.0.0", "date": "2026-11-24"}, "channel": "packages",
        "delivery": delivery,
    });
    engine.write("delivery.json", delivery.to_string());
    engine
}

fn deliver(engine: &Engine, more: &[&str]) -> Run {
    engine.run(arguments(&[&["--credential", "env:TOKEN"], more].concat()))
}

#[test]
fn a_package_is_packed_and_pushed_once() {
    let feed = Origin::start(|request| Answer::status(if request.method == "PUT" { 201 } else { 404 }));
    let files = json!([{"path": "tools/install.ps1", "file": "install.ps1"}]);
    let delivery = json!({"kind": "nupkg", "endpoint": feed.url(""), "nuspec": "tool.nuspec", "files": files});
    let engine = publisher(&delivery);
    let dry = deliver(&engine, &["--dry-run"]).exits(0).text();
    assert!(dry.contains("X-NuGet-ApiKey: [redacted]") && dry.contains("+++ b/tools/install.ps1"), "{dry}");
    deliver(&engine, &[]).exits(0);
    deliver(&engine, &["--resume"]).exits(0);
    let puts = feed.requests().into_iter().filter(|request| request.method == "PUT").count();
    assert_eq!((puts, told(&engine)), (1, vec!["intent package".into(), "performed package".into()]));
    check_records(&engine, &[KEY]);
    let refused = Origin::start(|request| Answer::status(if request.method == "PUT" { 403 } else { 404 }));
    let delivery = json!({"kind": "nupkg", "endpoint": refused.url(""), "nuspec": "tool.nuspec"});
    deliver(&publisher(&delivery), &[]).fails(5).says("does not let this key push tool 1.0.0");
}

#[test]
fn a_registry_that_refuses_is_told() {
    let registry = Origin::start(|_| Answer::status(403));
    let reference = format!("{}/tools/tool:1.0.0", registry.address());
    let layers = json!([{"path": "tool.nuspec", "file": "tool.nuspec"}]);
    let engine =
        publisher(&json!({"kind": "oci", "reference": reference, "artifact-type": "text/xml", "layers": layers}));
    deliver(&engine, &[]).fails(5).says("refuses access").says("`credential` of the channel");
    let engine = publisher(&json!({"kind": "oci", "reference": "no registry", "artifact-type": "a/b", "layers": []}));
    deliver(&engine, &[]).fails(2).says("names no artifact of a registry");
}

#[test]
#[ignore = "needs docker-registry"]
fn a_real_registry_has_the_files_under_their_names() {
    let registry = Registry::start(Door::Locked);
    let reference = format!("{}/tools/tool:1.0.0", registry.host());
    let layers =
        json!([{"path": "tool.nuspec", "file": "tool.nuspec"}, {"path": "tools/install.ps1", "file": "install.ps1"}]);
    let artifact =
        json!({"kind": "oci", "reference": reference, "artifact-type": "application/vnd.acme", "layers": layers});
    let engine = publisher(&artifact);
    let engine = engine.variable("PASSWORD", Registry::PASSWORD);
    let login = |engine: &Engine, more: &[&str]| {
        engine.run(arguments(&[&["--credential", "env:PASSWORD", "--user", "me"], more].concat()))
    };
    deliver(&engine, &[]).fails(5).says("refuses access");
    let run = login(&engine, &["--resume"]).exits(0);
    let pinned = run.text();
    assert!(pinned.starts_with(&format!("packages: delivered: oci://{reference}@sha256:")), "{pinned}");
    // Without its records it finds what is there.
    std::fs::remove_file(engine.path("state.json")).expect("it is there");
    let again = login(&engine, &[]).exits(0).text();
    assert_eq!(again, pinned.replace("delivered", "already there"));
    check_records(&engine, &[Registry::PASSWORD]);
    // Other bytes under the same tag move it on.
    engine.write("install.ps1", "exit 1\r\n");
    std::fs::remove_file(engine.path("state.json")).expect("it is there");
    let moved = login(&engine, &[]).exits(0).text();
    assert!(moved.starts_with("packages: delivered: ") && moved != pinned, "{moved}");
}

//! Releases, from every tool that describes them.

use serde_json::{Value, json};

use super::{dry, event, packed, project, read, with_lists};
use crate::rig::{Answer, Authority, Engine, Origin, sha256};

const OWN: &str = r#"
[release]
name = "tool"
version = "1.2.3-rc.1"
date = "2026-11-25"
publisher = "Example"
authors = ["Ann Author"]
homepage = "https://tool.example"
source = "https://github.com/me/tool"
license = "MIT"
license-file = "LICENSE"
display-name = "The Tool"
summary = "Does things"
description = "Does **many** things."
release-notes = "Faster."
tags = ["cli", "things"]
dependencies = { winget = ["Microsoft.VCRedist.2015+.x64"] }
extra = { moniker = "tool" }

[[release.texts]]
locale = "de-DE"
summary = "Tut etwas"

[[artifact]]
path = "tool-win64.zip"
"#;

fn zip() -> Vec<u8> {
    packed::zip(&[("tool.exe", b"MZ")])
}

fn pairs(value: &Value) -> Vec<(&str, &str)> {
    let pairs = value.as_array().into_iter().flatten();
    pairs.filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?))).collect()
}

#[test]
fn our_own_file_says_it_all() {
    let engine = project(OWN);
    engine.write("tool-win64.zip", zip());
    engine.write("LICENSE", "Do as you like.\n");
    let release = read(&engine, &[]);
    assert_eq!((&release["tag"], &release["prerelease"]), (&json!("v1.2.3-rc.1"), &json!(true)));
    assert_eq!((&release["license-spdx"], &release["license-text"]), (&json!("MIT"), &json!("Do as you like.\n")));
    let links = [
        ("homepage", "https://tool.example"),
        ("source", "https://github.com/me/tool"),
        ("notes", "https://github.com/me/tool/releases/tag/v1.2.3-rc.1"),
    ];
    assert_eq!(pairs(&release["links"]), links);
    assert_eq!(pairs(&release["dependencies"]), [("winget", "Microsoft.VCRedist.2015+.x64")]);
    assert_eq!(pairs(&release["extra"]), [("moniker", "tool")]);
    let texts = release["texts"].as_array().expect("texts");
    assert_eq!((&texts[0]["locale"], &texts[0]["name"]), (&json!("en-US"), &json!("The Tool")));
    assert_eq!((&texts[1]["locale"], &texts[1]["name"]), (&json!("de-DE"), &json!("The Tool")));
    let artifact = &release["artifacts"][0];
    assert_eq!(artifact["url"], "https://github.com/me/tool/releases/download/v1.2.3-rc.1/tool-win64.zip");
    let place = (&artifact["os"], &artifact["arch"], &artifact["id"]);
    assert_eq!(place, (&json!("windows"), &json!("x64"), &json!("tool-win64.zip")));
}

#[test]
fn wrong_files_are_told_with_their_place() {
    let good = "[release]\nname = 't'\nversion = '1'\n[[artifact]]\npath = 't.zip'\nurl = 'https://d.example/t.zip'\n";
    for (text, reason) in [
        (good.replace("name", "nmae"), "unknown field `nmae`"),
        (good.replace("'1'", "1"), "invalid type: integer"),
        (good.replace("version = '1'", ""), "the release has no version"),
        (good.replace("'1'", "'../1'"), "the release's version `../1`"),
        (good.replace("path = 't.zip'\nurl = 'https://d.example/t.zip'", "os = 'windows'"), "artifact 1: `path`"),
        (good.replace("https://d", "ftp://d"), "artifact 1: `url`: `ftp://d.example/t.zip` is neither http nor https"),
        (good.replace("https://d", "https://me:s3cr3t@d"), "a URL with a login is not public"),
        (format!("{good}os = 'beos'\n"), "artifact 1: `os`: `beos` is none of"),
        (format!("{good}digests = ['md5:{}']\n", "0".repeat(32)), "proves nothing"),
        (format!("{good}[channel.lists]\ntoken = 's3cr3t'\n"), "unknown field `token`"),
        (format!("{good}[channel.'a b']\n"), "a name is of the form"),
        (good.replace("[[artifact]]", "date = 'today'\n[[artifact]]"), "is not of the form YYYY-MM-DD"),
        (good.replace("url = 'https://d.example/t.zip'", ""), "the artifact t.zip has no URL"),
    ] {
        let engine = Engine::new();
        engine.write("turbo-release.toml", &text);
        engine.write("t.zip", zip());
        let run = dry(&engine, &[]).fails(2).says(reason);
        assert!(!run.stderr.contains("pw@"), "{}", run.stderr);
    }
    let engine = Engine::new();
    dry(&engine, &[]).fails(2).says("`turbo-release.toml` is no release");
    dry(&engine, &["--release", "nothing.json"]).fails(2).says("`nothing.json` is no release");
    engine.write("other.json", "{\"a\": 1}");
    dry(&engine, &["--release", "other.json"]).fails(2).says("neither cargo-dist's");
    engine.write("broken.json", "{");
    dry(&engine, &["--release", "broken.json"]).fails(2).says("neither TOML nor JSON");
    dry(&engine, &["--release", "dist/*.zip"]).fails(2).says("no file matches");
}

/// What a user's own file says beside another tool's.
fn beside(engine: &Engine) {
    engine.write("turbo-release.toml", with_lists("[release]\nhomepage = 'https://tool.example'\n"));
}

#[test]
fn cargo_dist_describes_a_release() {
    let engine = Engine::new();
    beside(&engine);
    let name = "tool-x86_64-pc-windows-msvc.zip";
    let manifest = json!({
        "dist_version": "0.30.0", "announcement_tag": "v1.2.3", "announcement_is_prerelease": false,
        "announcement_changelog": "Faster.",
        "releases": [{
            "app_name": "tool", "app_version": "1.2.3",
            "artifacts": [name, "tool-installer.sh", "sha256.sum"],
            "hosting": {"github": {
                "artifact_base_url": "https://github.com", "artifact_download_path": "/me/tool/releases/download/v1.2.3",
                "owner": "me", "repo": "tool",
            }},
        }],
        "artifacts": {
            name: {
                "name": name, "kind": "executable-zip", "target_triples": ["x86_64-pc-windows-msvc"],
                "assets": [{"name": "tool", "path": "tool.exe", "kind": "executable"}],
                "checksums": {"sha256": sha256(&zip())}, "path": "/home/runner/elsewhere.zip",
            },
            "tool-installer.sh": {"name": "tool-installer.sh", "kind": "installer"},
            "sha256.sum": {"name": "sha256.sum", "kind": "unified-checksum"},
        },
    });
    std::fs::create_dir(engine.path("distrib")).expect("scratch is writable");
    engine.write("distrib/dist-manifest.json", manifest.to_string());
    engine.write(&format!("distrib/{name}"), zip());
    for named in ["distrib/dist-manifest.json", "distrib"] {
        let release = read(&engine, &["--release", named]);
        let told = (&release["name"], &release["version"], &release["tag"], &release["publisher"]);
        assert_eq!(told, (&json!("tool"), &json!("1.2.3"), &json!("v1.2.3"), &json!("me")));
        assert_eq!(release["texts"][0]["release-notes"], "Faster.");
        assert_eq!(pairs(&release["links"])[0], ("homepage", "https://tool.example"), "our own file counts too");
        let artifacts = release["artifacts"].as_array().expect("artifacts");
        assert_eq!(artifacts.len(), 1, "only what people install: {artifacts:#?}");
        assert_eq!(artifacts[0]["url"], format!("https://github.com/me/tool/releases/download/v1.2.3/{name}"));
        let place = (&artifacts[0]["os"], &artifacts[0]["libc"], &artifacts[0]["binaries"]);
        assert_eq!(place, (&json!("windows"), &json!("msvc"), &json!(["tool.exe"])));
    }
    engine.write(&format!("distrib/{name}"), packed::zip(&[("tool.exe", b"MZ, built again")]));
    dry(&engine, &["--release", "distrib"]).fails(6).says("is not the one described");
}

#[test]
fn goreleaser_describes_a_release() {
    let engine = Engine::new();
    beside(&engine);
    std::fs::create_dir(engine.path("dist")).expect("scratch is writable");
    let metadata = json!({
        "project_name": "tool", "tag": "v1.2.3", "previous_tag": "v1.2.2", "version": "1.2.3", "commit": "abc",
        "date": "2026-11-25T10:00:00Z", "runtime": {"goos": "linux", "goarch": "amd64"},
    });
    let artifacts = json!([
        {"name": "tool.exe", "path": "dist/tool_windows_amd64_v1/tool.exe", "goos": "windows", "goarch": "amd64",
            "internal_type": 4, "type": "Binary", "extra": {"Binary": "tool", "Ext": ".exe", "ID": "tool"}},
        {"name": "tool_1.2.3_windows_amd64.zip", "path": "dist/tool_1.2.3_windows_amd64.zip", "goos": "windows",
            "goarch": "amd64", "goamd64": "v1", "target": "windows_amd64_v1", "internal_type": 1, "type": "Archive",
            "extra": {"Binaries": ["tool.exe"], "Checksum": format!("sha256:{}", sha256(&zip())), "Format": "zip",
                "ID": "default", "Replaces": null, "WrappedIn": ""}},
        {"name": "checksums.txt", "path": "dist/checksums.txt", "internal_type": 12, "type": "Checksum", "extra": {}},
        {"name": "metadata.json", "path": "dist/metadata.json", "internal_type": 30, "type": "Metadata"},
    ]);
    engine.write("dist/metadata.json", metadata.to_string());
    engine.write("dist/artifacts.json", artifacts.to_string());
    engine.write("dist/tool_1.2.3_windows_amd64.zip", zip());
    engine.write("package.json", r#"{"name": "@me/tool", "repository": "github:me/tool", "license": "MIT"}"#);
    for named in ["dist", "dist/artifacts.json", "dist/metadata.json"] {
        let release = read(&engine, &["--release", named]);
        assert_eq!((&release["date"], &release["license-spdx"]), (&json!("2026-11-25"), &json!("MIT")));
        let artifact = &release["artifacts"][0];
        assert_eq!((&artifact["arch"], &artifact["binaries"]), (&json!("x64"), &json!(["tool.exe"])));
        let url = "https://github.com/me/tool/releases/download/v1.2.3/tool_1.2.3_windows_amd64.zip";
        assert_eq!((&artifact["url"], release["artifacts"].as_array().map(Vec::len)), (&json!(url), Some(1)));
    }
}

#[test]
fn a_pattern_and_the_project_describe_a_release() {
    let engine = Engine::new();
    engine.write(
        "Cargo.toml",
        "[workspace]\nmembers = ['cli']\n[workspace.package]\nversion = '1.2.3'\nlicense = 'MIT'\n",
    );
    for folder in ["cli", "dist"] {
        std::fs::create_dir(engine.path(folder)).expect("scratch is writable");
    }
    engine.write(
        "cli/Cargo.toml",
        "[package]\nname = 'tool'\nversion.workspace = true\nlicense.workspace = true\ndescription = 'Does things'\n\
         authors = ['Ann Author <ann@a.example>']\nrepository = 'https://github.com/me/tool.git'\nkeywords = ['cli']\n",
    );
    engine.write("turbo-release.toml", with_lists("[release]\nproject = 'cli'\nexclude = ['*-debug*']\n"));
    for name in ["tool-linux-arm64.tar.gz", "tool-debug.zip", "tool-win64.zip", "SHA256SUMS"] {
        engine.write(&format!("dist/{name}"), zip());
    }
    let release = read(&engine, &["--release", "dist/*"]);
    let told = (&release["name"], &release["version"], &release["license-spdx"], &release["authors"]);
    assert_eq!(told, (&json!("tool"), &json!("1.2.3"), &json!("MIT"), &json!(["Ann Author"])));
    assert_eq!(release["texts"][0]["summary"], "Does things");
    let names = release["artifacts"].as_array().into_iter().flatten().map(|artifact| artifact["id"].clone());
    assert_eq!(names.collect::<Vec<_>>(), ["tool-linux-arm64.tar.gz", "tool-win64.zip"]);
}

/// GitHub's API and downloads on loopback, under their own names.
fn github(authority: &Authority) -> Origin {
    let digest = format!("sha256:{}", sha256(&zip()));
    let release = json!({
        "tag_name": "v1.2.3", "name": "1.2.3", "body": "Faster.", "draft": false, "prerelease": false,
        "html_url": "https://github.com/me/tool/releases/tag/v1.2.3", "published_at": "2026-11-25T10:00:00Z",
        "assets": [
            {"name": "tool-win64.zip", "digest": digest,
                "browser_download_url": "https://github.com/me/tool/releases/download/v1.2.3/tool-win64.zip"},
            {"name": "tool-win64.zip.sha256", "digest": null,
                "browser_download_url": "https://github.com/me/tool/releases/download/v1.2.3/tool-win64.zip.sha256"},
        ],
    });
    let repository = json!({
        "name": "tool", "html_url": "https://github.com/me/tool", "description": "Does things", "homepage": "",
        "license": {"spdx_id": "MIT"}, "owner": {"login": "me"}, "topics": ["cli"],
    });
    Origin::start_tls(authority, &["github.com", "api.github.com"], move |request| match request.path.as_str() {
        "/repos/me/tool" => Answer::text(repository.to_string()),
        "/repos/me/tool/releases/tags/v1.2.3" => Answer::text(release.to_string()),
        "/repos/me/limited" => Answer::status(403),
        "/me/tool/releases/download/v1.2.3/tool-win64.zip" => Answer::whole(200, zip().into()),
        _ => Answer::status(404),
    })
}

#[test]
fn a_tag_on_github_describes_a_release() {
    let authority = Authority::new();
    let origin = github(&authority);
    let engine = Engine::new().variable("GITHUB_TOKEN", "ghp_s3cr3tOfTheRelease");
    engine.write("turbo-release.toml", with_lists("[release]\nsource = 'https://github.com/me/tool'\n"));
    let resolve = ["github.com:443", "api.github.com:443"].map(|host| origin.resolve(host));
    let ask = |tag: &str| {
        let pem = authority.pem();
        let fixed = ["publish", "--json", "--dry-run", "--allow-private-mirrors", "--cacert", &pem];
        let places = ["--resolve", &resolve[0], "--resolve", &resolve[1]];
        engine.run([&fixed[..], &places, &["--release", tag]].concat())
    };
    for tag in ["v1.2.3", "me/tool@v1.2.3"] {
        let run = ask(tag).exits(0);
        let release = event(&run, "release")["release"].clone();
        let told = (&release["name"], &release["version"], &release["date"], &release["license-spdx"]);
        assert_eq!(told, (&json!("tool"), &json!("1.2.3"), &json!("2026-11-25"), &json!("MIT")));
        let artifacts = release["artifacts"].as_array().expect("artifacts");
        assert_eq!((artifacts.len(), &artifacts[0]["id"]), (1, &json!("tool-win64.zip")));
    }
    for request in origin.requests() {
        let is_api = request.path.starts_with("/repos/");
        assert_eq!(request.header("Authorization").is_some(), is_api, "the token is for the API: {}", request.path);
    }
    ask("me/tool@v9").fails(5).says("GitHub does not know repos/me/tool/releases/tags/v9");
    ask("me/limited@v1").fails(5).says("GitHub refuses repos/me/limited with status 403");
}

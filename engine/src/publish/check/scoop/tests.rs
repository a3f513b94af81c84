//! Each rule about Scoop's manifests, by a change to one that is right.

use super::super::testing::{assert_cases, assert_clean, case};
use crate::publish::Manager::Scoop;

const TOOL: &str = r#"{
    "version": "1.2.3",
    "description": "Does what a tool does.",
    "homepage": "https://github.com/example/tool",
    "license": "MIT|Apache-2.0",
    "architecture": {
        "64bit": {
            "url": "https://example.org/1.2.3/tool-x64.zip",
            "hash": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "extract_dir": "tool-1.2.3"
        },
        "arm64": {
            "url": "https://example.org/1.2.3/tool-arm64.zip",
            "hash": "sha512:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
        }
    },
    "bin": [
        "tool.exe",
        [
            "tool.exe",
            "t"
        ]
    ],
    "uninstaller": {
        "script": "Remove-Item \"$dir\\cache\""
    },
    "checkver": {
        "url": "https://example.org/releases",
        "regex": "tool-(?<build>[\\d]+)-([\\d.]+)"
    },
    "autoupdate": {
        "architecture": {
            "64bit": {
                "url": "https://example.org/$version/tool-x64_$matchBuild.zip",
                "hash": {
                    "url": "$url.sha256"
                },
                "extract_dir": "tool-$version"
            },
            "arm64": {
                "url": "https://example.org/$version/tool-arm64.zip"
            }
        }
    }
}
"#;

const FILE: [(&str, &str); 1] = [("bucket/tool.json", TOOL)];
const T: &str = "tool.json";

#[test]
fn a_manifest_that_is_right_is_clean() {
    assert_clean(Scoop, &FILE);
}

#[test]
fn structure() {
    assert_cases(
        Scoop,
        &FILE,
        &[
            case(T, "{\n", "{,\n", "error[scoop-syntax]"),
            case(T, "\"1.2.3\"", "123", "error[scoop-type]"),
            case(T, "\"1.2.3\"", "\"1 2\"", "error[scoop-pattern]"),
            case(T, "    \"homepage\": \"https://github.com/example/tool\",\n", "", "error[scoop-required]"),
            case(T, "\"homepage\"", "\"hompage\"", "error[scoop-unknown]"),
            case(T, "\"bin\"", "\"Bin\"", "error[scoop-case]"),
            case(T, "\"version\"", "\"version\": \"1\",\n    \"version\"", "error[scoop-duplicate]"),
            case(T, "\"hash\": \"aaaa", "\"hash\": \"xaaa", "error[scoop-pattern]"),
            case(
                T,
                "https://example.org/1.2.3/tool-x64.zip",
                "https://example.org/$version.zip",
                "error[scoop-pattern]",
            ),
            case(T, "[\\\\d]+)-(", "[\\\\d]+)-((", "error[scoop-pattern]"),
            case(T, "\"arm64\"", "\"arm\"", "error[scoop-unknown]"),
            case(
                T,
                "\"script\": \"Remove-Item \\\"$dir\\\\cache\\\"\"",
                "\"args\": \"/S\"",
                "error[scoop-uninstaller]",
            ),
            case(
                T,
                "\"script\": \"Remove-Item \\\"$dir\\\\cache\\\"\"",
                "\"file\": \"u.exe\", \"keep\": true",
                "warning[scoop-unknown]",
            ),
        ],
    );
}

#[test]
fn meaning() {
    assert_cases(
        Scoop,
        &FILE,
        &[
            case(
                T,
                "\"hash\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
                "\"hash\": \"md5:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
                "warning[scoop-weak-hash]",
            ),
            case(
                T,
                "            \"hash\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\n",
                "",
                "warning[scoop-hash]",
            ),
            case(
                T,
                "\"https://example.org/1.2.3/tool-x64.zip\"",
                "[\"https://example.org/a\", \"https://example.org/b\"]",
                "error[scoop-hash]",
            ),
            case(T, "    \"description\": \"Does what a tool does.\",\n", "", "warning[scoop-description]"),
            case(T, "https://github.com/example/tool", "http://example.org/", "warning[scoop-https]"),
            case(T, "MIT|Apache-2.0", "MIT|Appache-2.0", "warning[scoop-licence]"),
            case(T, "MIT|Apache-2.0", "GPL-3.0", "note[scoop-licence]"),
            case(T, "$matchBuild", "$matchOther", "warning[scoop-variable]"),
            case(T, "tool-$version", "tool-$vresion", "warning[scoop-variable]"),
            case(
                T,
                "\"checkver\": {\n        \"url\": \"https://example.org/releases\",\n        \"regex\": \"tool-(?<build>[\\\\d]+)-([\\\\d.]+)\"\n    },\n",
                "",
                "warning[scoop-checkver]",
            ),
            case(
                T,
                "            \"arm64\": {\n                \"url\": \"https://example.org/$version/tool-arm64.zip\"\n            }",
                "            \"32bit\": {}",
                "warning[scoop-autoupdate]",
            ),
        ],
    );
    let github = TOOL.replace("https://github.com/example/tool", "https://example.org");
    let at = github.find("\"checkver\": {").unwrap();
    let end = github.find("    \"autoupdate\"").unwrap();
    let github = format!("{}\"checkver\": \"github\",\n{}", &github[..at], &github[end..]);
    let found = super::check(&super::super::testing::files(&[("tool.json", &github)]));
    assert!(found.iter().any(|finding| finding.code == "scoop-checkver"), "{found:#?}");
    let without = "{\"version\": \"1\", \"homepage\": \"https://a.b\", \"license\": \"MIT\"}";
    let found = super::check(&super::super::testing::files(&[("My App.json", without)]));
    for code in ["scoop-required", "scoop-name"] {
        assert!(found.iter().any(|finding| finding.code == code), "{code}: {found:#?}");
    }
}

#[test]
fn style_is_noted() {
    let windows = TOOL.replace('\n', "\r\n");
    assert!(super::check(&super::super::testing::files(&[("tool.json", &windows)])).is_empty());
    assert_cases(
        Scoop,
        &[("bucket/tool.json", &windows)],
        &[
            case(T, "\r\n    \"version\"", "\n    \"version\"", "warning[scoop-line-ends]"),
            case(T, "    \"version\"", "  \"version\"", "note[scoop-indent]"),
            case(T, "    \"version\"", "\t\"version\"", "note[scoop-indent]"),
            case(T, "\"1.2.3\",\r\n", "\"1.2.3\", \r\n", "note[scoop-trailing-blanks]"),
            case(
                T,
                "    \"version\": \"1.2.3\",\r\n    \"description\": \"Does what a tool does.\",\r\n",
                "    \"description\": \"Does what a tool does.\",\r\n    \"version\": \"1.2.3\",\r\n",
                "note[scoop-order]",
            ),
            case(T, "\"extract_dir\": \"tool-1.2.3\"", "\"extract_dir\": [\"tool-1.2.3\"]", "note[scoop-list-of-one]"),
        ],
    );
    let open = windows.trim_end();
    let found = super::check(&super::super::testing::files(&[("Tool.json", open)]));
    let codes: Vec<&str> = found.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["scoop-name", "scoop-final-newline"]);
}

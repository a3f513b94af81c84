//! What the engine finds out about files by their content.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{dry, packed, project, read};
use crate::rig::data::bytes;
use crate::rig::{Engine, sha256};

/// A tar of `tool-1.2.3/tool`, packed by xz.
const XZ: &str = "/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AGFdADob7NgtDUV6b36a7TZP3YPzb4OdMetQYM4xzoKXZRGwkalmHusNH79elmQ1O299mwY8K/6emwfiu3TJuyLR+6V5ToD6UPmJI/AH26YuWjrGQmUA2gpfypiQwNFVoZRWIQAAAAAAkmwOEdEXnooAAX2AUAAAAPJ1Ag6xxGf7AgAAAAAEWVo=";

/// The artifact that a file turns out to be.
#[track_caller]
fn studied(name: &str, bytes: &[u8]) -> Value {
    let engine = with(name, bytes);
    let artifact = read(&engine, &[])["artifacts"][0].clone();
    assert_eq!(artifact["digests"][0], format!("sha-256:{}", sha256(bytes)));
    assert_eq!(artifact["size"], bytes.len());
    artifact
}

fn with(name: &str, bytes: &[u8]) -> Engine {
    let engine = project(&format!(
        "[release]\nname = 'tool'\nversion = '1.2.3'\ndownload-url = 'https://dl.example/{{tag}}/{{file}}'\n\
         [[artifact]]\npath = '{name}'\n"
    ));
    engine.write(name, bytes);
    engine
}

#[test]
fn archives_are_listed_whatever_packs_them() {
    let tar = packed::tar(&[("tool-1.2.3/README", 0o644, b"hi"), ("tool-1.2.3/tool", 0o755, b"\x7fELF")]);
    for (name, bytes, format) in [
        ("tool-linux-x64.tar", tar.clone(), "tar"),
        ("tool-linux-x64.tar.gz", packed::gzip(&tar), "tar.gz"),
        ("tool-linux-x64.tar.bz2", packed::bzip2(&tar), "tar.bz2"),
        ("tool-linux-x64.tar.zst", packed::zstd(&tar), "tar.zst"),
        ("tool-linux-x64.tar.xz", BASE64_STANDARD.decode(XZ).expect("base64"), "tar.xz"),
        // Whatever the name says.
        ("tool-linux-x64.zip", packed::gzip(&tar), "tar.gz"),
    ] {
        let artifact = studied(name, &bytes);
        assert_eq!((&artifact["format"], &artifact["strip-prefix"]), (&json!(format), &json!("tool-1.2.3")), "{name}");
        assert_eq!(artifact["binaries"], json!(["tool-1.2.3/tool"]), "{name}");
        assert_eq!((&artifact["os"], &artifact["arch"]), (&json!("linux"), &json!("x64")), "{name}");
    }
    let artifact = studied("tool-win64.zip", &packed::zip(&[("tool.exe", b"MZ"), ("doc/README.md", b"hi")]));
    assert_eq!(artifact["entries"][1], json!({"path": "doc/README.md", "size": 2, "executable": false}));
    assert_eq!((&artifact["strip-prefix"], &artifact["binaries"]), (&Value::Null, &json!(["tool.exe"])));
}

#[test]
fn installers_are_known_by_their_marks() {
    let nullsoft = packed::program(0x14c, ".text", b"\0\0\0\0\xef\xbe\xad\xdeNullsoftInst");
    let inno = packed::program(0x14c, ".text", b"..Inno Setup Setup Data (6.4.0)..");
    for (name, bytes, kind, arch) in [
        ("tool.exe", packed::program(0xaa64, ".text", b""), "portable", "arm64"),
        ("setup-x64.exe", nullsoft, "nullsoft", "x64"),
        ("setup.exe", inno, "inno", "x86"),
        ("bundle-arm64.exe", packed::program(0x14c, ".wixburn", b""), "burn", "arm64"),
    ] {
        let artifact = studied(name, &bytes);
        assert_eq!((&artifact["format"], &artifact["os"]), (&json!("exe"), &json!("windows")), "{name}");
        assert_eq!((&artifact["installer-type"], &artifact["arch"]), (&json!(kind), &json!(arch)), "{name}");
    }
}

#[test]
fn windows_installer_tells_its_codes() {
    let codes = [
        ("ProductCode", "{8D2C3A50-0000-4000-8000-000000000001}"),
        ("UpgradeCode", "{8D2C3A50-0000-4000-8000-000000000002}"),
        ("ProductName", "Tool"),
        ("Manufacturer", "Example"),
        ("ProductVersion", "1.2.3"),
    ];
    let wix = studied("tool.msi", &packed::msi("Windows Installer XML Toolset (4.0.5)", "x64", &codes));
    let found = (&wix["format"], &wix["installer-type"], &wix["arch"]);
    assert_eq!(found, (&json!("msi"), &json!("wix"), &json!("x64")));
    assert_eq!(wix["facts"]["product-code"], codes[0].1);
    assert_eq!((&wix["facts"]["upgrade-code"], &wix["facts"]["display-name"]), (&json!(codes[1].1), &json!("Tool")));
    let plain = studied("tool.msi", &packed::msi("InstallShield", "Arm64", &codes));
    assert_eq!((&plain["installer-type"], &plain["arch"]), (&json!("msi"), &json!("arm64")));
}

/// The reader of tables gives up on this one in its own way.
#[test]
fn a_reader_that_panics_is_a_damaged_file_and_no_more() {
    let installer = include_bytes!("../../fuzz/corpus/artifacts/msi.row_without_a_value");
    let run = dry(&with("tool.msi", installer), &[]).fails(1);
    let run = run.says("tool.msi cannot be read as msi: its tables contradict each other");
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn an_msix_tells_its_family() {
    let manifest = r#"<Package xmlns="http://schemas.microsoft.com/appx/manifest/foundation/windows10">
        <Identity Name="Microsoft.Tool" Version="1.2.3.0" ProcessorArchitecture="x64"
            Publisher="CN=Microsoft Corporation, O=Microsoft Corporation, L=Redmond, S=Washington, C=US"/>
        <Properties><DisplayName>Tool</DisplayName></Properties></Package>"#;
    let artifact =
        studied("tool.msix", &packed::zip(&[("AppxManifest.xml", manifest.as_bytes()), ("tool.exe", b"MZ")]));
    assert_eq!((&artifact["format"], &artifact["arch"]), (&json!("msix"), &json!("x64")));
    assert_eq!(artifact["facts"]["package-family-name"], "Microsoft.Tool_8wekyb3d8bbwe");
}

#[test]
fn other_packages_are_known() {
    let nupkg = packed::zip(&[("[Content_Types].xml", b"<Types/>"), ("tool.nuspec", b"<package/>")]);
    let mut image = vec![0; 600];
    image.extend_from_slice(b"koly");
    image.resize(600 + 512, 0);
    for (name, bytes, format) in [
        ("tool.1.2.3.nupkg", nupkg, "nupkg"),
        ("tool.deb", b"!<arch>\ndebian-binary   1".to_vec(), "deb"),
        ("tool.rpm", b"\xed\xab\xee\xdb\x03\0".to_vec(), "rpm"),
        ("tool.dmg", image, "dmg"),
        ("tool-linux-x64", b"\x7fELF\x02\x01".to_vec(), "binary"),
    ] {
        assert_eq!(studied(name, &bytes)["format"], format, "{name}");
    }
}

#[test]
fn archives_that_mean_harm_are_refused() {
    let escaping = packed::escaping_tar();
    // A header that promises 256 MiB of zeros, which take a thousandth of that.
    let mut header = tar::Header::new_gnu();
    header.set_path("zeros").expect("a name");
    header.set_size(256 << 20);
    header.set_cksum();
    let mut huge = packed::gzip(header.as_bytes());
    let zeros = packed::gzip(&vec![0; 16 << 20]);
    (0..16).for_each(|_| huge.extend_from_slice(&zeros));
    let cut = packed::gzip(&packed::tar(&[("tool", 0o755, &bytes(4096, 1))]));
    let many: Vec<String> = (0..20_001).map(|nth| nth.to_string()).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    for (name, bytes, reason) in [
        ("a.tar.gz", packed::gzip(&escaping), "would be unpacked outside"),
        ("b.zip", packed::zip(&[("../x", b"x")]), "would be unpacked outside"),
        ("c.tar.gz", huge, "200 times its own size"),
        ("d.zip", packed::zip(&many), "20000 entries"),
        ("e.zip", b"PK\x03\x04 and no end".to_vec(), "cannot be read as zip"),
        ("f.tar.gz", cut[..2000].to_vec(), "cannot be read as tar"),
        ("g.msi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".repeat(128), "cannot be read as msi"),
        ("h.exe", Vec::new(), "is empty"),
    ] {
        dry(&with(name, &bytes), &[]).fails(1).says(reason);
    }
}

#[test]
fn what_the_description_says_of_a_file_has_to_be_true() {
    let zip = packed::zip(&[("tool.exe", b"MZ")]);
    let describe = |more: &str| {
        let engine = project(&format!(
            "[release]\nname = 't'\nversion = '1'\n[[artifact]]\npath = 't.zip'\nurl = 'https://d.example/t.zip'\n{more}"
        ));
        engine.write("t.zip", &zip);
        engine
    };
    let run = dry(&describe(&format!("digests = ['sha-256:{}']", "0".repeat(64))), &[]).fails(6);
    run.says("is not the one described").says(&sha256(&zip));
    dry(&describe("binaries = ['other.exe']"), &[]).fails(1).says("has no `other.exe` inside");
    let artifact = read(&describe("os = 'windows'\narch = 'x86'\ninstaller-type = 'portable'\nid = 'own'"), &[]);
    let artifact = &artifact["artifacts"][0];
    assert_eq!((&artifact["arch"], &artifact["installer-type"]), (&json!("x86"), &json!("portable")));
    assert_eq!(artifact["id"], "own");
}

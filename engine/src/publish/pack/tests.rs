//! What is packed, and what is refused.

use std::io::{Cursor, Read as _};

use super::*;

const NUSPEC: &str = r#"<?xml version="1.0" encoding="utf-16"?>
<!-- made by hand -->
<package xmlns="http://schemas.microsoft.com/packaging/2015/06/nuspec.xsd">
  <metadata>
    <id>tool</id>
    <version>1.2.3</version>
    <authors>Jane &amp; co</authors>
    <description>Does <![CDATA[<things>]]>.</description>
    <tags>tool cli</tags>
  </metadata>
  <files><file src="tools\**" target="tools" /></files>
</package>
"#;

fn file(path: &str, content: &[u8]) -> OutputFile {
    OutputFile { path: path.into(), content: content.into() }
}

fn package(files: Vec<OutputFile>) -> Nupkg {
    Nupkg { nuspec: NUSPEC.into(), files, endpoint: String::new() }
}

fn unpacked(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let all = 0..archive.len();
    all.map(|index| {
        let mut part = archive.by_index(index).unwrap();
        let mut content = Vec::new();
        part.read_to_end(&mut content).unwrap();
        (part.name().unwrap().into_owned(), content)
    })
    .collect()
}

#[test]
fn the_order_of_the_files_changes_nothing() {
    let one = vec![file("tools/b c.txt", b"2"), file("tools/a.ps1", b"1"), file("LICENSE", b"3")];
    let other: Vec<_> = one.iter().rev().cloned().collect();
    let packed = pack(&package(one)).unwrap();
    assert_eq!(packed, pack(&package(other)).unwrap());
    assert_eq!(packed.file_name, "tool.1.2.3.nupkg");
    let parts = unpacked(&packed.bytes);
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names[..6],
        ["_rels/.rels", "tool.nuspec", "LICENSE", "tools/a.ps1", "tools/b%20c.txt", "[Content_Types].xml"]
    );
    assert!(names[6].starts_with("package/services/metadata/core-properties/") && names.len() == 7, "{names:?}");
    let text = |index: usize| String::from_utf8(parts[index].1.clone()).unwrap();
    assert!(text(5).contains("<Override PartName=\"/LICENSE\""), "{}", text(5));
    assert!(text(5).contains("<Default Extension=\"ps1\""), "{}", text(5));
    assert!(text(6).contains("<dc:creator>Jane &amp; co</dc:creator>"), "{}", text(6));
    assert!(text(6).contains("Does &lt;things&gt;."), "{}", text(6));
}

#[test]
fn the_packed_nuspec_is_one_that_old_clients_read() {
    let nuspec = Nuspec::parse(NUSPEC).unwrap();
    let text = nuspec.text();
    assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- made by hand -->"), "{text}");
    assert!(text.contains("<package xmlns=\"http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd\">"), "{text}");
    assert!(!text.contains("<file"), "{text}");
    assert!(text.contains("<authors>Jane &amp; co</authors>"), "{text}");
    // What was packed is packed as it is.
    assert_eq!(Nuspec::parse(text).unwrap().text(), text);
}

#[test]
fn a_nuspec_that_no_feed_takes_is_explained() {
    for (from, to, what) in [
        ("<id>tool</id>", "", "no <id>"),
        ("<id>tool</id>", "<id>../tool</id>", "not an identifier"),
        ("<id>tool</id>", "<id>a</id><id>b</id>", "more than one <id>"),
        ("<version>1.2.3</version>", "<version>1.2</version>", "`1.2` is not normalised"),
        ("<version>1.2.3</version>", "<version>new</version>", "not a version"),
        ("<authors>Jane &amp; co</authors>", "<authors> </authors>", "no <authors>"),
        ("2015/06", "2099/01", "not a namespace"),
        ("&amp;", "&lol;", "no entity `lol`"),
        ("<!-- made by hand -->", "<!DOCTYPE package [<!ENTITY a \"b\">]>", "document type"),
        ("</package>", "", "ends inside"),
        ("</metadata>", "</meta>", "line 10"),
        ("</package>", "</package><package/>", "outermost element"),
    ] {
        let error = Nuspec::parse(&NUSPEC.replace(from, to)).expect_err(to);
        assert!(error.to_string().contains(what), "{error}");
    }
    let deep = NUSPEC.replace("<id>", &("<x>".repeat(50) + "<id>"));
    assert!(Nuspec::parse(&deep).is_err());
}

#[test]
fn files_stay_in_the_package() {
    for path in ["../evil", "tools/../../evil", "C:/evil", "a\\b", "tool.nuspec", "_rels/.rels", "nul"] {
        let refused = pack(&package(vec![file(path, b"")]));
        assert!(matches!(refused, Err(PackError::Path { .. })), "{path}: {refused:?}");
    }
    let twins = vec![file("tools/A.ps1", b""), file("Tools/a.ps1", b"")];
    assert!(matches!(pack(&package(twins)), Err(PackError::Duplicate { .. })));
    let many = (0..=MOST_FILES).map(|number| file(&number.to_string(), b"")).collect();
    assert_eq!(pack(&package(many)), Err(PackError::TooMany));
}

fn chosen(files: &str, folder: &[&str]) -> Result<Vec<String>, PackError> {
    let nuspec = NUSPEC.replace("<files><file src=\"tools\\**\" target=\"tools\" /></files>", files);
    let folder: Vec<String> = folder.iter().map(|&path| path.to_owned()).collect();
    let sources = select(&Nuspec::parse(&nuspec)?, &folder)?;
    Ok(sources.into_iter().map(|source| format!("{} > {}", source.from, source.to)).collect())
}

#[test]
fn the_files_element_chooses() {
    let folder = ["tools/a.ps1", "tools/x/b.exe", "tools/.git/c", "README.md", "tool.nuspec", "tool.1.0.0.nupkg"];
    let all = chosen("", &folder).unwrap();
    assert_eq!(all, ["tools/a.ps1 > tools/a.ps1", "tools/x/b.exe > tools/x/b.exe", "README.md > README.md"]);
    let some = chosen("<files><file src=\"tools\\**\" target=\"tools\" exclude=\"**\\*.exe\"/></files>", &folder);
    assert_eq!(some.unwrap(), ["tools/a.ps1 > tools/a.ps1"]);
    let moved =
        "<files><file src=\"README.md\" target=\"docs/READ.md\"/><file src=\"tools/x/*\" target=\"lib\"/></files>";
    assert_eq!(chosen(moved, &folder).unwrap(), ["README.md > docs/READ.md", "tools/x/b.exe > lib/b.exe"]);
    let plain = chosen("<files><file src=\"tools/a.ps1\"/></files>", &folder);
    assert_eq!(plain.unwrap(), ["tools/a.ps1 > tools/a.ps1"]);
    for wrong in ["../x", "/etc/passwd", "C:\\x", "tools/../../x"] {
        let refused = chosen(&format!("<files><file src=\"{wrong}\"/></files>"), &folder);
        assert!(matches!(refused, Err(PackError::Path { .. })), "{wrong}: {refused:?}");
    }
    assert!(matches!(chosen("<files><file src=\"absent\"/></files>", &folder), Err(PackError::NoMatch(_))));
    assert_eq!(chosen("<files></files>", &folder).unwrap(), Vec::<String>::new());
}

/// How long a large package takes and what it needs is measured by the bench
/// `pack`; here, that what is compressed already is not compressed again.
#[test]
fn archives_are_stored() {
    let noise: Vec<u8> = (0_u32..20_000).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let packed = pack(&package(vec![file("tools/a.zip", &noise), file("tools/a.txt", &[b' '; 80_000])])).unwrap();
    let mut archive = zip::ZipArchive::new(Cursor::new(&packed.bytes[..])).unwrap();
    assert_eq!(archive.by_name("tools/a.zip").unwrap().compression(), zip::CompressionMethod::Stored);
    assert!(archive.by_name("tools/a.txt").unwrap().compressed_size() < 1000);
}

//! Documents as sites publish them, and as attackers would.

use proptest::prelude::*;

use super::*;

const SHA256: &str = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb";
const MD5: &str = "0cc175b9c0f1b6a831c399e269772661";
const SHA1: &str = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8";

fn document(files: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n{files}\n</metalink>\n"
    )
}

fn read(files: &str) -> Result<Vec<MetalinkFile>, MetalinkError> {
    parse_metalink(document(files).as_bytes())
}

fn fault(files: &str) -> (usize, Fault) {
    match read(files).unwrap_err() {
        MetalinkError::Content { line, fault } => (line, fault),
        other => panic!("{other:?}"),
    }
}

fn xml_error(document: &str) -> XmlError {
    match parse_metalink(document.as_bytes()).unwrap_err() {
        MetalinkError::Xml { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_a_whole_document() {
    let files = read(&format!(
        "<generator>x/1</generator>
        <file name=\"dir/a&amp;b.ext\">
          <size> 14 </size><!-- in bytes -->
          <hash type=\"sha-256\">{}</hash>
          <hash type=\"whirlpool\">00</hash>
          <pieces length=\"8\" type=\"sha-1\"><hash>{SHA1}</hash><hash>{SHA1}</hash></pieces>
          <pieces length=\"14\" type=\"md5\"><hash>{MD5}</hash></pieces>
          <metaurl mediatype=\"torrent\">https://m.example/f.torrent</metaurl>
          <url location=\"DE\" priority=\"2\">https://b.example/f?x=1&amp;y=&#50;</url>
          <url>ftp://d.example/f</url>
          <url>https://c.example/f</url>
          <url priority=\"1\"><![CDATA[http://a.example/f]]></url>
        </file>
        <file name=\"empty\"/>",
        SHA256.to_uppercase()
    ))
    .unwrap();
    let file = &files[0];
    assert_eq!((file.name.as_str(), file.size), ("dir/a&b.ext", Some(14)));
    assert_eq!(file.digests.iter().map(Digest::hex).collect::<Vec<_>>(), [SHA256]);
    let pieces = file.pieces.as_ref().unwrap();
    assert_eq!((pieces.algorithm, pieces.length.get(), pieces.digests.len()), (Algorithm::Sha1, 8, 2));
    let urls: Vec<_> = file.urls.iter().map(|url| (url.url.as_str(), url.priority, url.region.as_str())).collect();
    let expected = [
        ("http://a.example/f", 1, ""),
        ("https://b.example/f?x=1&y=2", 2, "de"),
        ("https://c.example/f", LOWEST_PRIORITY, ""),
    ];
    assert_eq!(urls, expected);
    assert_eq!((files[1].name.as_str(), files[1].urls.len()), ("empty", 0));
}

#[test]
fn follows_namespaces_and_not_prefixes() {
    let text = "<m:metalink xmlns:m=\"urn:ietf:params:xml:ns:metalink\" xmlns:x=\"urn:x\">
        <x:file name=\"no\"/><m:file name=\"yes\"><x:size>bad</x:size><m:size>3</m:size></m:file></m:metalink>";
    let files = parse_metalink(text.as_bytes()).unwrap();
    assert_eq!(files.iter().map(|file| (file.name.as_str(), file.size)).collect::<Vec<_>>(), [("yes", Some(3))]);
}

#[test]
fn refuses_other_documents() {
    let version3 = "<metalink version=\"3.0\" xmlns=\"http://www.metalinker.org/\"><files/></metalink>";
    assert!(matches!(parse_metalink(version3.as_bytes()), Err(MetalinkError::Version3)));
    for other in ["<html><body/></html>", "<metalink/>", "<x xmlns=\"urn:ietf:params:xml:ns:metalink\"/>"] {
        assert!(matches!(parse_metalink(other.as_bytes()), Err(MetalinkError::NotMetalink(_))), "{other}");
    }
    assert!(matches!(parse_metalink(b"\xff"), Err(MetalinkError::NotText)));
    assert!(matches!(read("<file name=\"a\0\"/>"), Err(MetalinkError::NotText)));
    assert!(matches!(parse_metalink(&vec![b' '; MOST_BYTES + 1]), Err(MetalinkError::TooLarge)));
}

#[test]
fn expands_no_entity() {
    let bomb = "<!DOCTYPE m [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><metalink/>";
    assert!(matches!(xml_error(bomb), XmlError::DocumentType));
    assert!(
        matches!(xml_error(&document("<file name=\"a\"><url>&b;</url></file>")), XmlError::Entity(name) if name == "b")
    );
    assert!(matches!(xml_error(&document("<file name=\"&b;\"/>")), XmlError::Syntax(_)));
}

#[test]
fn is_bounded() {
    assert!(matches!(xml_error(&document(&"<a>".repeat(100_000))), XmlError::TooDeep));
    let long = "x".repeat(9000);
    assert!(matches!(xml_error(&document(&format!("<file name=\"{long}\"/>"))), XmlError::TooLong));
    assert!(matches!(xml_error(&document(&format!("<file name=\"a\"><url>{long}</url></file>"))), XmlError::TooLong));
    assert_eq!(fault(&"<file name=\"a\"/>".repeat(MOST_FILES + 1)).1, Fault::TooMany);
    let urls = "<url>https://a.example/</url>".repeat(MOST_URLS + 1);
    assert_eq!(fault(&format!("<file name=\"a\">{urls}</file>")).1, Fault::TooMany);
}

#[test]
fn says_what_is_malformed_and_where() {
    assert_eq!(fault("<file/>"), (3, Fault::Missing { element: "file", attribute: "name" }));
    assert_eq!(fault("<file name=\"a\">\n<size>1k</size></file>"), (4, Fault::Length("1k".into())));
    let short = fault("<file name=\"a\"><hash type=\"sha-1\">00</hash></file>").1;
    assert_eq!(short, Fault::Digest(DigestError::Length { algorithm: "sha-1", want: 40, got: 2 }));
    let pieces = |length: &str| {
        format!("<file name=\"a\"><size>9</size><pieces {length} type=\"sha-1\"><hash>{SHA1}</hash></pieces></file>")
    };
    assert_eq!(fault(&pieces("length=\"4\"")).1, Fault::PieceCount { want: 3, got: 1 });
    assert_eq!(fault(&pieces("length=\"0\"")).1, Fault::Length("0".into()));
    assert_eq!(fault(&pieces("")).1, Fault::Missing { element: "pieces", attribute: "length" });
    assert!(matches!(xml_error(&document("<file name=\"a\"></fil>")), XmlError::Syntax(_)));
    assert!(matches!(
        xml_error("<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file name=\"a\">"),
        XmlError::Truncated
    ));
    assert!(matches!(xml_error(""), XmlError::Truncated));
}

proptest! {
    #[test]
    fn any_markup_is_survived(files in "(<file name=\"a\">|</file>|<size>|</size>|<url>|</url>|<pieces length=\"1\">|<hash/>|<x:y/>|<a b='|&amp;|&#0;|<!--|-->|<!|]]>|1|é| ){0,30}") {
        let _ = read(&files);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_metalink(&bytes);
    }
}

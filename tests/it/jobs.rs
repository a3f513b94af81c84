//! Several files at once: lists in aria2's syntax, and Metalink.

use crate::rig::{Engine, Origin, file, sha256};

#[test]
fn several_urls_are_several_files() {
    let (first, second) = (file(1, 1), file(1, 2));
    let (left, right) = (first.clone(), second.clone());
    let origin = Origin::start(move |request| match request.path.as_str() {
        "/a.bin" => left.answer(request),
        _ => right.at(request, "/b.bin"),
    });
    let engine = Engine::new();
    let run = engine.download(["--json", &origin.url("/a.bin"), &origin.url("/b.bin")]).exits(0);
    engine.assert_file("a.bin", &first.bytes);
    engine.assert_file("b.bin", &second.bytes);
    assert_eq!(run.events().iter().filter(|event| event["event"] == "done").count(), 2);
}

#[test]
fn one_failure_of_several_exits_3_and_keeps_the_rest() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.download([origin.url("/missing"), origin.file_url()]).exits(3).says("/missing");
    engine.assert_file("file.bin", &file.bytes);
    engine.assert_absent("missing");
}

#[test]
fn an_input_file_is_read_as_aria2_does() {
    let file = file(1, 1);
    let (first, second) = (Origin::file(&file), Origin::file(&file));
    let engine = Engine::new();
    let list = format!(
        "# a comment\n{0}\t{1}\n  out=named\n  checksum=sha-256={2}\n\n{0}\n  dir=sub\n",
        first.file_url(),
        second.file_url(),
        sha256(&file.bytes)
    );
    engine.write("list", list);
    let run = engine.download(["--json", "-i", "list"]).exits(0);
    engine.assert_file("named", &file.bytes);
    engine.assert_file("sub/file.bin", &file.bytes);
    let events = run.events();
    let named =
        events.iter().find(|event| event["receipt"]["file"].as_str().is_some_and(|path| path.ends_with("named")));
    assert_eq!(named.expect("a receipt for it")["receipt"]["verified"]["by"], "checksum");
}

#[test]
fn options_of_a_list_are_honoured_or_named() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    engine.write("mine", "mine");
    let list = |options: &str| engine.write("list", format!("{}\n out=mine\n{options}", origin.file_url()));
    list("");
    engine.download(["-i", "list"]).exits(7);
    list(" allow-overwrite=true\n max-download-limit=512K\n gid=1\n");
    let run = engine.download(["--no-cache", "-i", "list"]).exits(0).says("`gid` in line 5 of the input file");
    engine.assert_file("mine", &file.bytes);
    assert!(run.took.as_secs_f64() > 1.7, "the limit did not hold: {:?}", run.took);
    list(" all-proxy=http://127.0.0.1:1\n");
    engine.download(["-i", "list"]).fails(2);
}

#[test]
fn a_list_cannot_write_outside_its_folder_by_a_metalink_name() {
    let file = file(1, 1);
    let origin = Origin::file(&file);
    let engine = Engine::new();
    for name in ["../evil", "/tmp/turbo-engine-evil", "a/../../evil"] {
        engine.write("list.meta4", metalink(name, &[&origin.file_url()], &sha256(&file.bytes)));
        engine.download(["--allow-private-mirrors", "-i", "list.meta4"]);
        assert!(!engine.home().join("evil").exists() && !std::path::Path::new("/tmp/turbo-engine-evil").exists());
    }
}

#[test]
fn a_metalink_brings_mirrors_and_truth() {
    let file = file(2, 1);
    let (first, second) = (Origin::file(&file), Origin::file(&file));
    let engine = Engine::new();
    engine.write("list.meta4", metalink("named", &[&first.file_url(), &second.file_url()], &sha256(&file.bytes)));
    let run = engine.download(["--json", "--allow-private-mirrors", "-i", "list.meta4"]).exits(0);
    engine.assert_file("named", &file.bytes);
    assert_eq!(run.receipt()["verified"]["by"], "metalink");
}

#[test]
fn a_metalink_with_other_bytes_fails() {
    let origin = Origin::file(&file(1, 1));
    let engine = Engine::new();
    engine.write("list.meta4", metalink("named", &[&origin.file_url()], &sha256(b"else")));
    engine.download(["--allow-private-mirrors", "-i", "list.meta4"]).exits(6);
    engine.assert_absent("named");
}

#[test]
fn a_broken_list_is_a_usage_error() {
    let engine = Engine::new();
    engine.write("broken.meta4", "<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\"><file");
    engine.download(["-i", "broken.meta4"]).fails(2);
    engine.write("broken", "not a url\n");
    engine.download(["-i", "broken"]).fails(2);
    engine.download(["-i", "absent"]).fails(7);
}

fn metalink(name: &str, urls: &[&str], digest: &str) -> String {
    let urls = urls.iter().map(|url| format!("    <url>{url}</url>")).collect::<Vec<_>>().join("\n");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metalink xmlns=\"urn:ietf:params:xml:ns:metalink\">\n\
         \x20 <file name=\"{name}\">\n    <hash type=\"sha-256\">{digest}</hash>\n{urls}\n  </file>\n</metalink>\n"
    )
}

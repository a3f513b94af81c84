//! Lists, names, proxies, cookie files and the screen.

use crate::rig::{Answer, Engine, Origin, file};

/// A server that gives every path the same file, and a list of it.
fn served(engine: &Engine, list: &str) -> Origin {
    let file = file(1, 1);
    let origin = Origin::start(move |request| file.answer(request));
    engine.write("list", list.replace("URL", &origin.url("")));
    origin
}

/// aria2 renames the second to `f.1.bin`, curl writes one over the other.
#[test]
fn two_jobs_of_one_name_are_refused_before_anything_is_fetched() {
    for list in [
        // The same name out of two URLs, twice the same URL, and one in two spellings.
        "URL/a/f.bin\nURL/b/f.bin\n",
        "URL/f.bin\nURL/f.bin\n",
        "URL/f.bin\nURL/a/%66.bin\n",
        "URL/a/f.bin?x=1\nURL/b/f.bin?x=2\n",
        "URL/get?id=1\nURL/get?id=1\n",
        // A name that the list gives.
        "URL/a\n out=f\nURL/b\n out=f\n",
        "URL/a\n out=f\nURL/f\n",
        "URL/a\n out=f\nURL/b\n out=./f\n",
        "URL/a\n out=f\nURL/b\n out=x/../f\n",
        "URL/a\n out=sub/f\nURL/b\n dir=sub\n out=f\n",
        "URL/a\n out=sub/f\nURL/b\n dir=./sub/\n out=f\n",
        // The staging files of the other.
        "URL/a\n out=f\nURL/b\n out=f.turbo-part\n",
        "URL/a\n out=f.turbo-state\nURL/b\n out=f\n",
    ] {
        let engine = Engine::new();
        let origin = served(&engine, list);
        let run = engine.download(["--no-rules", "-i", "list"]).fails(2);
        assert!(run.stderr.contains("line 1 of the input file and line "), "{list}: {}", run.stderr);
        assert!(run.stderr.contains("hint: give each file a name of its own with out=NAME"), "{list}: {}", run.stderr);
        assert!(origin.requests().is_empty(), "{list}: {:?}", origin.requests());
        assert_eq!(engine.listing(), ["list"], "{list}");
    }
    let engine = Engine::new();
    let origin = served(&engine, "URL/a/f.bin\n");
    let (left, right) = (origin.url("/a/f.bin"), origin.url("/b/f.bin"));
    engine.download(["--no-rules", &left, &right]).fails(2).says("/b/f.bin");
    engine.download(["--no-rules", &right, "-i", "list"]).fails(2).says("line 1 of the input file");
    assert!(origin.requests().is_empty());
}

#[cfg(unix)]
#[test]
fn a_linked_directory_is_the_directory() {
    let engine = Engine::new();
    let origin = served(&engine, "URL/a\n dir=real\n out=f\nURL/b\n dir=link\n out=f\n");
    std::fs::create_dir(engine.path("real")).expect("scratch is writable");
    std::os::unix::fs::symlink("real", engine.path("link")).expect("scratch is writable");
    engine.download(["--no-rules", "-i", "list"]).fails(2);
    assert!(origin.requests().is_empty());
}

#[test]
fn names_that_differ_are_downloaded() {
    let engine = Engine::new();
    let _origin = served(&engine, "URL/f.bin\nURL/f.bin\n dir=sub\nURL/f.bin\n out=g.bin\nURL/a/F.BIN.gz\n");
    engine.download(["--no-rules", "-i", "list"]).exits(0).says("4 files: 4 done");
}

/// `get?id=1` and `get?id=2` may be anything: the server names them.
#[test]
fn names_that_only_servers_give_are_compared_when_they_are_known() {
    for jobs in ["1", "8"] {
        let (first, second, third) = (file(1, 1), file(1, 2), file(1, 3));
        let (a, b, c) = (first.clone(), second.clone(), third.clone());
        let origin = Origin::start(move |request| match request.path.as_str() {
            "/get?id=1" => a.answer(request).header("Content-Disposition", "attachment; filename=one"),
            "/get?id=2" => b.answer(request).header("Content-Disposition", "attachment; filename=two"),
            "/get?id=3" => c.answer(request).header("Content-Disposition", "attachment; filename=\"x/../one\""),
            _ => Answer::redirect("/get?id=2"),
        });
        let engine = Engine::new().variable("TURBO_ENGINE_JOBS", jobs);
        let list = ["/get?id=1", "/get?id=2"].map(|path| origin.url(path) + "\n").concat();
        engine.write("list", &list);
        engine.download(["--no-rules", "--no-cache", "-i", "list"]).exits(0);
        engine.assert_file("one", &first.bytes);
        engine.assert_file("two", &second.bytes);
        // The second of one name is refused, and what has the name is not touched,
        // even where a file of an earlier run would be replaced.
        engine.write("list", list + &origin.url("/get?id=3") + "\n");
        let run = engine.download(["--no-rules", "--no-cache", "--if-exists", "overwrite", "-i", "list"]).exits(3);
        let run = run.says("another download of this run writes to ").says("hint: give each file a name of its own");
        let one = engine.read("one");
        assert!(one == *first.bytes || one == *third.bytes, "{}", run.stderr);
        assert_eq!(engine.listing(), ["list", "one", "two"], "{}", run.stderr);
    }
}

/// aria2 asks for `/a%20http://.../b`, and so did we.
#[test]
fn a_blank_between_urls_gets_a_hint() {
    let engine = Engine::new();
    let origin = served(&engine, "# mirrors\n\nURL/a.bin URL/b.bin\n");
    let run = engine.download(["--no-rules", "-i", "list"]).fails(2);
    let run = run.says("line 3 of the input file has a blank before another URL").says("tabs");
    assert!(!run.stderr.contains("/b.bin"), "a URL may hold a secret: {}", run.stderr);
    engine.write("list", format!("{}  out=x\n", origin.url("/a.bin")));
    engine
        .download(["--no-rules", "-i", "list"])
        .fails(2)
        .says("line 1 of the input file has a blank before an option");
    let both = format!("{} {}", origin.url("/a.bin"), origin.url("/b.bin"));
    engine.download(["--no-rules", &both]).fails(2).says("two URLs");
    assert!(origin.requests().is_empty());
    // A blank that nothing follows from is part of the URL, as in a browser.
    engine.write("list", format!("{}\n", origin.url("/my file.bin")));
    engine.download(["--no-rules", "-i", "list"]).exits(0);
    assert_eq!(engine.listing(), ["list", "my file.bin"]);
}

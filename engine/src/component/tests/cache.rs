//! Compiled components between one start and the next.

use std::fs;

use super::*;

#[test]
fn a_warm_start_neither_compiles_nor_starts_an_engine_for_nothing() {
    let set = Set::new(&[Fixture::default()]).cached();
    let cold = set.open();
    assert_eq!(ask(&cold, "f").candidates.len(), 2);
    assert_eq!((cold.counters().compiled, cold.counters().restored), (1, 0));
    let warm = set.open();
    assert_eq!(warm.list(), cold.list());
    assert_eq!(*warm.ask(&url("https://other.example/"), Region::WORLD), Answer::default());
    assert_eq!((warm.counters().compiled, warm.counters().restored), (0, 0));
    assert_eq!(ask(&warm, "f"), ask(&cold, "f"));
    assert_eq!((warm.counters().compiled, warm.counters().restored), (0, 1));
}

#[test]
fn a_cache_that_was_touched_is_not_believed() {
    let set = Set::new(&[Fixture::default()]).cached();
    set.open();
    let [code] = &set.aot_files("code")[..] else { panic!("one file of code") };
    let genuine = fs::read(code).unwrap();
    for position in (0..genuine.len()).step_by(genuine.len() / 200) {
        let mut forged = genuine.clone();
        forged[position] ^= 0x10;
        fs::write(code, &forged).unwrap();
        let rules = set.open();
        assert_eq!(ask(&rules, "f").candidates.len(), 2);
        assert_eq!((rules.counters().compiled, rules.counters().restored), (1, 0), "byte {position}");
        assert_eq!(fs::read(code).unwrap().len(), genuine.len(), "made again");
    }
}

#[test]
fn another_rules_code_is_not_taken_for_this_ones() {
    let other = Fixture { id: "other", host: "other.example", candidates: &[], ..Fixture::default() };
    let set = Set::new(&[Fixture::default(), other]).cached();
    set.open();
    let code = set.aot_files("code");
    fs::copy(&code[0], &code[1]).unwrap();
    fs::copy(&set.aot_files("about")[0], &set.aot_files("about")[1]).unwrap();
    let rules = set.open();
    assert_eq!(rules.list().iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ["fixture", "other"]);
}

#[test]
fn without_a_cache_that_can_be_written_all_works() {
    let mut set = Set::new(&[Fixture::default()]);
    fs::write(set.folder.path().join("file"), "").unwrap();
    set.options.cache_dir = Some(set.folder.path().join("file"));
    assert_eq!(ask(&set.open(), "f").candidates.len(), 2);
}

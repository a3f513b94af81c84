//! Compiled components between one start and the next.

use std::fs;

use super::code::{Code, CodeName};
use super::host::sha256_hex;
use super::runtime::Runtime;
use super::vault::Vault;
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

/// Every bit of a whole file of code, as the compiler made it: nothing that was
/// touched anywhere gets as far as the loader, and the file is dropped.
#[test]
fn no_flipped_bit_of_code_reaches_the_loader() {
    let scratch = tempfile::tempdir().unwrap();
    let vault = Vault::open(scratch.path()).unwrap();
    let runtime = Runtime::new(&Arc::new(Limits::default()), 1).unwrap();
    let component =
        wat::parse_str("(component (core module (func (export \"f\") (result i32) (i32.const 1))))").unwrap();
    let name = CodeName::new(runtime.engine(), &sha256_hex(&component));
    let code = Code::compile(runtime.engine(), &component).unwrap();
    code.keep(&vault, &name);
    let folder = scratch.path().join("aot-v1");
    let is_code = |path: &PathBuf| path.extension().is_some_and(|end| end == "code");
    let path = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).find(is_code).unwrap();
    let genuine = fs::read(&path).unwrap();
    assert!(Code::restore(&vault, &name).unwrap().load(runtime.engine()).is_some());
    let mut forged = genuine.clone();
    for position in 0..genuine.len() {
        for bit in 0..8 {
            forged[position] ^= 1 << bit;
            write_private(&path, &forged);
            assert!(Code::restore(&vault, &name).is_none(), "bit {bit} of byte {position} of {}", genuine.len());
            assert!(!path.exists());
            forged[position] = genuine[position];
        }
    }
    write_private(&path, &genuine);
    assert!(Code::restore(&vault, &name).is_some(), "it was no more than the flips");
}

/// A file as the vault makes it: for this user alone.
fn write_private(path: &std::path::Path, bytes: &[u8]) {
    fs::write(path, bytes).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// What a component said of itself decides when it is asked: a description that
/// was touched anywhere is asked for again.
#[test]
fn no_flipped_byte_of_a_description_is_believed() {
    let set = Set::new(&[Fixture::default()]).cached();
    let list = set.open().list();
    let [about] = &set.aot_files("about")[..] else { panic!("one description") };
    let genuine = fs::read(about).unwrap();
    for position in 0..genuine.len() {
        let mut forged = genuine.clone();
        forged[position] ^= 0x01;
        write_private(about, &forged);
        let rules = set.open();
        assert_eq!(rules.list(), list, "byte {position}");
        assert_eq!(rules.counters().restored, 1, "asked again at byte {position}");
        assert_eq!(fs::read(about).unwrap(), genuine, "written anew");
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

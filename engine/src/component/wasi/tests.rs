//! WASI against a guest that wants to sleep, hoard and gamble.

use std::fs;
use std::sync::Arc;

use wasmtime::component::Component;
use wasmtime_wasi::p2::OutputStream as _;

use super::*;
use crate::component::last_words::LAST_WORDS_BYTES;
use crate::component::runtime::Runtime;
use crate::component::{Limits, RuleOptions, Rules};
use crate::model::Region;

/// Functions that return a number each.
const GUEST: &str = r#"(component
    (import "wasi:random/random@0.2.0" (instance $random
        (export "get-random-u64" (func (result u64)))))
    (import "wasi:io/poll@0.2.3" (instance $poll
        (export "pollable" (type $pollable (sub resource)))
        (export "[method]pollable.block" (func (param "self" (borrow $pollable))))
        (export "[method]pollable.ready" (func (param "self" (borrow $pollable)) (result bool)))
        (export "poll" (func (param "in" (list (borrow $pollable))) (result (list u32))))))
    (alias export $poll "pollable" (type $pollable))
    (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
        (alias outer 1 $pollable (type $pollable'))
        (export "pollable" (type (eq $pollable')))
        (export "now" (func (result u64)))
        (export "subscribe-instant" (func (param "when" u64) (result (own $pollable'))))
        (export "subscribe-duration" (func (param "when" u64) (result (own $pollable'))))))
    (core module $memory
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $memory (instantiate $memory))
    (core func $random (canon lower (func $random "get-random-u64")))
    (core func $block (canon lower (func $poll "[method]pollable.block")))
    (core func $ready (canon lower (func $poll "[method]pollable.ready")))
    (core func $poll (canon lower (func $poll "poll")
        (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
    (core func $now (canon lower (func $clock "now")))
    (core func $instant (canon lower (func $clock "subscribe-instant")))
    (core func $duration (canon lower (func $clock "subscribe-duration")))
    (core module $guest
        (import "host" "memory" (memory 1))
        (import "host" "random" (func $random (result i64)))
        (import "host" "block" (func $block (param i32)))
        (import "host" "ready" (func $ready (param i32) (result i32)))
        (import "host" "poll" (func $poll (param i32 i32 i32)))
        (import "host" "now" (func $now (result i64)))
        (import "host" "instant" (func $instant (param i64) (result i32)))
        (import "host" "duration" (func $duration (param i64) (result i32)))
        (func (export "sleep") (result i64)
            (call $block (call $duration (i64.const -1)))
            (call $block (call $instant (i64.const -1)))
            (call $now))
        (func (export "poll") (result i64)
            (i32.store (i32.const 0) (call $duration (i64.const 3600000000000)))
            (i32.store (i32.const 4) (call $instant (i64.const -1)))
            (call $poll (i32.const 0) (i32.const 2) (i32.const 16))
            (i64.add
                (i64.load32_u (i32.const 20))
                (i64.extend_i32_u (call $ready (i32.load (i32.const 0))))))
        (func (export "spin") (result i64)
            (local $pollable i32)
            (local.set $pollable (call $duration (i64.const 1)))
            (loop (call $block (local.get $pollable)) (br_if 0 (i64.eqz (call $now))))
            (i64.const 0))
        (func (export "hoard") (result i64)
            (loop (drop (call $duration (i64.const 0))) (br 0))
            (i64.const 0))
        (func (export "draw") (result i64)
            (i64.xor (call $random) (i64.mul (call $random) (i64.const 3)))))
    (core instance $guest (instantiate $guest (with "host" (instance
        (export "memory" (memory $memory "memory"))
        (export "random" (func $random))
        (export "block" (func $block))
        (export "ready" (func $ready))
        (export "poll" (func $poll))
        (export "now" (func $now))
        (export "instant" (func $instant))
        (export "duration" (func $duration))))))
    (func (export "sleep") (result u64) (canon lift (core func $guest "sleep")))
    (func (export "poll") (result u64) (canon lift (core func $guest "poll")))
    (func (export "spin") (result u64) (canon lift (core func $guest "spin")))
    (func (export "hoard") (result u64) (canon lift (core func $guest "hoard")))
    (func (export "draw") (result u64) (canon lift (core func $guest "draw"))))"#;

/// Calls a function of the guest so many times in one instance.
fn call(function: &str, times: usize) -> wasmtime::Result<Vec<u64>> {
    let runtime = Runtime::new(&Arc::new(Limits::default()), 1)?;
    let component = Component::new(runtime.engine(), wat::parse_str(GUEST).unwrap())?;
    let pre = runtime.link(&component)?;
    let mut store = runtime.store("guest".into());
    runtime.arm(&mut store);
    let instance = pre.instantiate(&mut store)?;
    let function = instance.get_typed_func::<(), (u64,)>(&mut store, function)?;
    let answers = (0..times).map(|_| {
        runtime.arm(&mut store);
        let _running = runtime.ticker().running();
        function.call(&mut store, ()).map(|(answer,)| answer)
    });
    answers.collect()
}

/// Were the host to wait, neither fuel nor deadline would end it.
#[test]
fn a_guest_that_sleeps_goes_on_at_once() {
    assert_eq!(call("sleep", 1).unwrap(), [0]);
    assert_eq!(call("poll", 1).unwrap(), [2 + 1], "both are ready, and still so when asked again");
}

#[test]
fn a_guest_that_waits_for_the_time_to_pass_meets_a_limit() {
    let trap = call("spin", 1).unwrap_err().downcast::<wasmtime::Trap>().unwrap();
    assert!(matches!(trap, wasmtime::Trap::OutOfFuel | wasmtime::Trap::Interrupt), "{trap}");
}

#[test]
fn a_guest_cannot_hoard_the_hosts_memory() {
    let error = call("hoard", 1).unwrap_err();
    assert!(error.root_cause().to_string().contains("no free keys"), "{error:?}");
}

#[test]
fn every_call_draws_the_same_numbers() {
    let draws = call("draw", 3).unwrap();
    assert_ne!(draws[0], 0);
    assert_eq!(draws, [draws[0]; 3]);
}

#[test]
fn standard_error_takes_all_and_keeps_the_end() {
    let mut stderr = Stderr::default();
    for _ in 0..100 {
        assert!(stderr.check_write().unwrap() >= 1000);
        stderr.write(vec![b'.'; 1000].into()).unwrap();
    }
    stderr.write("panicked at the end".into()).unwrap();
    assert!(stderr.last_words().len() <= LAST_WORDS_BYTES);
    assert!(stderr.last_words().ends_with("..panicked at the end"));
    stderr.clear();
    assert_eq!(stderr.last_words(), "");
}

#[test]
fn what_is_offered_is_told_by_name_and_version() {
    for import in ["wasi:io/poll@0.2.0", "wasi:cli/stdin@0.2.12", "wasi:filesystem/types@0.2.6"] {
        assert!(offers(import), "{import}");
    }
    for import in [
        "wasi:io/poll@0.3.0",
        "wasi:io/poll",
        "wasi:io/polls@0.2.0",
        "wasi:sockets/tcp@0.2.0",
        "wasi:sockets/network@0.2.0",
        "wasi:http/outgoing-handler@0.2.0",
        "wasi:clocks/timezone@0.2.0",
    ] {
        assert!(!offers(import), "{import}");
    }
}

/// A rule is asked on whatever thread the caller has; one that belongs to an
/// asynchronous runtime must not be blocked and cannot start another.
#[test]
fn a_guest_may_be_asked_on_a_thread_of_an_asynchronous_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("std-wasi.wasm");
    fs::copy("../tests/fixtures/components/std-wasi.wasm", &path).unwrap();
    let rules = Rules::open(&RuleOptions { user: vec![path], ..RuleOptions::default() }).unwrap();
    let ask = move |path: &str| rules.ask(&format!("https://wasi.example/{path}").parse().unwrap(), Region::WORLD);
    let runtimes = [
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap(),
        tokio::runtime::Builder::new_current_thread().build().unwrap(),
    ];
    for (number, runtime) in runtimes.iter().enumerate() {
        let ask = ask.clone();
        let (answer, failed) = runtime
            .block_on(async {
                tokio::spawn(async move { (ask(&number.to_string()), ask(&format!("panic?{number}"))) }).await
            })
            .unwrap();
        assert_eq!(answer.candidates[0].url.as_str(), format!("https://mirror-a.example/{number}"));
        assert!(failed.faults[0].message.contains("the rule gave up"), "{:?}", failed.faults);
    }
}

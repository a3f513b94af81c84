//! The attacks, one a component: what each does, and how it has to end.

use turbo_engine::component::{FaultKind, Limits, OutputCheck, ScanLimit};

use super::fixture::{Fixture, error_at};
use super::patient;

/// A component that attacks.
pub struct Attack {
    pub name: &'static str,
    pub component: Vec<u8>,
    pub limits: Limits,
    pub end: End,
}

/// What becomes of it.
#[derive(Clone, Copy)]
pub enum End {
    /// It is no component that could be asked: the command ends, and says why.
    Refused(&'static str),
    /// The set is loaded without it.
    LeftOut(FaultKind, &'static str),
    /// Its call fails, and it has no say.
    Fault(FaultKind, &'static str),
    /// A part of its answer fails a check; so many candidates are left.
    Dropped(OutputCheck, usize),
    /// It is asked, and does no harm; so many candidates.
    Harmless(usize),
    /// It is caught keeping state, and demoted.
    FoundOut,
}

/// Every attack.
pub fn attacks() -> Vec<Attack> {
    [no_components(), wants(), bombs(), starts(), descriptions(), calls(), memory(), allocators(), answers(), lies()]
        .into_iter()
        .flatten()
        .collect()
}

fn attack(name: &'static str, component: Vec<u8>, end: End) -> Attack {
    Attack { name, component, limits: patient(), end }
}

fn text(name: &'static str, text: &str, end: End) -> Attack {
    attack(name, wat::parse_str(text).expect("well-formed text"), end)
}

/// A rule whose `map-url` does this.
fn call(name: &'static str, map_url: &str, end: End) -> Attack {
    attack(name, Fixture { map_url: map_url.into(), ..Fixture::default() }.build(), end)
}

/// A rule that has this in its module.
fn module(name: &'static str, fields: impl Into<String>, end: End) -> Attack {
    attack(name, Fixture { fields: fields.into(), ..Fixture::default() }.build(), end)
}

fn no_components() -> Vec<Attack> {
    let whole = Fixture::default().build();
    let mut garbled = whole.clone();
    let middle = garbled.len() / 2;
    garbled[middle..middle + 400].fill(0xff);
    vec![
        attack("nothing", Vec::new(), End::Refused("it is empty")),
        attack("a web page", b"<html>404</html>".to_vec(), End::Refused("does not begin like")),
        attack("text", b"(component)".to_vec(), End::Refused("WebAssembly text")),
        attack("cut short", whole[..whole.len() / 3].to_vec(), End::Refused("unexpected end")),
        attack("garbled", garbled, End::Refused("not a WebAssembly component")),
        text("a core module", "(module (func (export \"map-url\")))", End::Refused("core WebAssembly module")),
        text("an empty component", "(component)", End::Refused("exports nothing")),
        module("code that does not validate", "(func (result i32))", End::Refused("type mismatch")),
        text(
            "functions of other types",
            r#"(component (core module $m (func (export "f")))
                (core instance $i (instantiate $m)) (func $f (canon lift (core func $i "f")))
                (instance $rules (export "describe" (func $f)) (export "configure" (func $f)) (export "map-url" (func $f)))
                (export "turbo:engine/mirror-rules@0.1.0" (instance $rules)))"#,
            End::Refused("expected"),
        ),
        text(
            "a version to come",
            r#"(component (instance $rules) (export "turbo:engine/mirror-rules@0.2.0" (instance $rules)))"#,
            End::Refused("this engine offers turbo:engine@0.1"),
        ),
    ]
}

/// What it wants of the host: none of it is linked.
fn wants() -> Vec<Attack> {
    let imports = |name, import: &'static str| {
        let text = format!(
            r#"(component (import "{import}" (instance)) (instance $rules)
                (export "turbo:engine/mirror-rules@0.1.0" (instance $rules)))"#
        );
        attack(name, wat::parse_str(text).expect("well-formed text"), End::Refused(import))
    };
    vec![
        imports("wants sockets", "wasi:sockets/tcp@0.2.0"),
        imports("wants HTTP", "wasi:http/outgoing-handler@0.2.0"),
        imports("wants the next version's files", "wasi:filesystem/types@0.3.0"),
        imports("wants processes", "evil:host/processes@1.0.0"),
        imports("wants what the engine never had", "turbo:engine/files@0.1.0"),
    ]
}

/// What would keep the compiler busy, or fill the memory, before a line runs.
fn bombs() -> Vec<Attack> {
    let bomb = |name, limit, fields: String| module(name, fields, End::LeftOut(FaultKind::PreScan(limit), "limit"));
    // Took 281 seconds and 4.9 GB in a file of 4 MB.
    let updates: String = (0..900).map(|n| format!("(loop (local.set {n} (local.get {}))", n + 1)).collect();
    let loops = format!("(func (local {}) {updates} {})", "i64 ".repeat(1_900), ")".repeat(900)).repeat(2);
    let left_out = |limit| End::LeftOut(FaultKind::PreScan(limit), "limit");
    vec![
        bomb(
            "one huge function",
            ScanLimit::FunctionBytes,
            format!("(func {})", "(drop (i32.const 1))".repeat(40_000)),
        ),
        bomb("many tiny functions", ScanLimit::Functions, "(func)".repeat(10_001)),
        bomb("deep nesting", ScanLimit::Nesting, format!("(func {} {})", "(block".repeat(1_001), ")".repeat(1_001))),
        bomb("many locals", ScanLimit::Locals, format!("(func (local {}))", "i64 ".repeat(2_001))),
        bomb("values that live through loops", ScanLimit::CompileTime, loops),
        bomb("many globals", ScanLimit::Items, "(global i32 (i32.const 0))".repeat(10_001)),
        bomb("a long table", ScanLimit::TableElements, "(table 10001 funcref)".into()),
        bomb("many tables", ScanLimit::Instances, "(table 1 funcref)".repeat(9)),
        bomb("a long file", ScanLimit::FileBytes, format!("(data (i32.const 0) \"{}\")", "x".repeat(5 << 20))),
        attack(
            "a large memory",
            Fixture { pages: 257, ..Fixture::default() }.build(),
            left_out(ScanLimit::MemoryBytes),
        ),
        text("components in a component", "(component (component (core module (func))))", left_out(ScanLimit::Modules)),
        text("many modules", &format!("(component {})", "(core module)".repeat(17)), left_out(ScanLimit::Modules)),
    ]
}

/// What runs before anything is asked.
fn starts() -> Vec<Attack> {
    let start = |name, code: &str, end| module(name, format!("(func $start {code}) (start $start)"), end);
    vec![
        start("a start that never ends", "(loop (br 0))", End::LeftOut(FaultKind::Fuel, "5000000 units")),
        start("a start that gives up", "(unreachable)", End::LeftOut(FaultKind::Trap, "unreachable")),
        start("a start that recurses", "(call $start)", End::LeftOut(FaultKind::Stack, "262144 bytes")),
        start(
            "a start that hoards",
            "(if (i32.eq (memory.grow (i32.const 1000)) (i32.const -1)) (then (unreachable)))",
            End::LeftOut(FaultKind::Memory, "16777216 bytes"),
        ),
    ]
}

fn descriptions() -> Vec<Attack> {
    let describe = |name, describe: &str, kind, why| {
        let fixture = Fixture { describe: describe.into(), ..Fixture::default() };
        attack(name, fixture.build(), End::LeftOut(kind, why))
    };
    let id_begins_with = |byte: u32| format!("(i32.store8 (i32.load (global.get $info)) (i32.const {byte}))");
    let patterns = |count: u32| {
        format!(
            "(i32.store offset=24 (global.get $info) (i32.const 65536))
             (i32.store offset=28 (global.get $info) (i32.const {count}))"
        )
    };
    let wrong = |name, fixture: Fixture, why| attack(name, fixture.build(), End::LeftOut(FaultKind::Description, why));
    let lie: &[(&str, &[&str])] = &[("https://origin.example/f", &["https://a.example/f"])];
    vec![
        describe("describes itself for ever", "(loop (br 0))", FaultKind::Fuel, "units"),
        describe("gives up describing", "(unreachable)", FaultKind::Trap, "unreachable"),
        describe("a name that is no text", &id_begins_with(255), FaultKind::Trap, "utf-8"),
        describe("a name in capitals", &id_begins_with(70), FaultKind::Description, "`Fixture`"),
        describe("a name that rings the bell", &id_begins_with(7), FaultKind::Description, "`ixture`"),
        describe("interested in too much", &patterns(1_000), FaultKind::Description, "too many patterns"),
        describe("a list beyond its memory", &patterns(100_000_000), FaultKind::Trap, "out of bounds"),
        wrong("a version that is none", Fixture { version: "latest", ..Fixture::default() }, "`latest`"),
        wrong("interested in whatever matches", Fixture { host: "*.example", ..Fixture::default() }, "`*.example`"),
        wrong("interested in the empty name", Fixture { host: "", ..Fixture::default() }, "host suffix"),
        attack(
            "lies in its own test",
            Fixture { examples: lie, ..Fixture::default() }.build(),
            End::LeftOut(FaultKind::SelfTest, "https://b.example/f"),
        ),
        attack(
            "says it is for others, and is not asked",
            Fixture { host: "elsewhere.example", map_url: "(unreachable)".into(), ..Fixture::default() }.build(),
            End::Harmless(0),
        ),
    ]
}

/// What never comes back, or crashes.
fn calls() -> Vec<Attack> {
    let endless = "(loop (br 0)) (unreachable)";
    let spam = "(loop (call $log (i32.const 1) (i32.const 70000) (i32.const 60000)) (br 0)) (unreachable)";
    let short = Limits { fuel: u64::MAX >> 1, deadline_ms: 30, ..Limits::default() };
    let trap = |why| End::Fault(FaultKind::Trap, why);
    let post_return =
        r#"(func (export "cabi_post_turbo:engine/mirror-rules@0.1.0#map-url") (param i32) (loop (br 0)))"#;
    let pointer_to_nothing = "(call_indirect $t (i32.const 0)) (global.get $answer)";
    let indirect =
        Fixture { map_url: pointer_to_nothing.into(), fields: "(table $t 1 funcref)".into(), ..Fixture::default() };
    let nearly = Fixture {
        map_url: "(loop (br_if 0 (i32.lt_u (global.get $n) (i32.const 500000))
            (global.set $n (i32.add (global.get $n) (i32.const 1))))) (global.get $answer)"
            .into(),
        fields: "(global $n (mut i32) (i32.const 0))".into(),
        ..Fixture::default()
    };
    vec![
        call("a loop", endless, End::Fault(FaultKind::Fuel, "5000000 units")),
        Attack { limits: short.clone(), ..call("a slow loop", endless, End::Fault(FaultKind::Deadline, "30 ms")) },
        Attack { limits: short, ..call("spams the host for ever", spam, End::Fault(FaultKind::Deadline, "30 ms")) },
        attack("nearly all of its fuel", nearly.build(), End::Harmless(2)),
        module("loops after its answer", post_return, End::Fault(FaultKind::Fuel, "units")),
        call("gives up", "(unreachable)", trap("unreachable")),
        call("divides by nothing", "(i32.div_u (i32.const 1) (i32.const 0))", trap("divide by zero")),
        call("reads beyond its memory", "(i32.load (i32.const 0x7ffffff0))", trap("out of bounds")),
        call("overflows", "(i32.trunc_f32_u (f32.const -9e9))", trap("overflow")),
        attack("calls what is not there", indirect.build(), trap("uninitialized")),
        attack(
            "recurses",
            Fixture {
                map_url: "(call $deep (i64.const 0)) (unreachable)".into(),
                fields: "(func $deep (param i64) (call $deep (i64.add (local.get 0) (i64.const 1)))
                    (drop (i64.mul (local.get 0) (i64.const 3))))"
                    .into(),
                ..Fixture::default()
            }
            .build(),
            End::Fault(FaultKind::Stack, "262144 bytes"),
        ),
    ]
}

/// What takes memory, the guest's or the host's.
fn memory() -> Vec<Attack> {
    let over = |name, code: &str, fields: &str| {
        let fixture = Fixture { map_url: code.into(), fields: fields.into(), ..Fixture::default() };
        attack(name, fixture.build(), End::Fault(FaultKind::Memory, "16777216 bytes of memory or 10000 table elements"))
    };
    let page_by_page = "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)";
    let roomy = |name, map_url: &str, end| {
        attack(name, Fixture { map_url: map_url.into(), pages: 256, ..Fixture::default() }.build(), end)
    };
    let too_much = End::Fault(FaultKind::ResultSize, "1048576 bytes handed to the host");
    vec![
        over("grows at once", "(drop (memory.grow (i32.const 1000))) (unreachable)", ""),
        over("grows page by page", page_by_page, ""),
        over(
            "grows its table",
            "(drop (table.grow $t (ref.null func) (i32.const 10001))) (unreachable)",
            "(table $t 1 funcref)",
        ),
        roomy(
            "a list of half a million",
            "(i32.store (i32.const 70000) (i32.const 0)) (i32.store (i32.const 70004) (i32.const 0))
             (i32.store (i32.const 70008) (i32.const 600000)) (i32.const 70000)",
            too_much,
        ),
        roomy(
            "a text of fourteen megabytes",
            "(i32.store (i32.const 70000) (i32.const 0)) (i32.store (i32.const 70004) (i32.const 70100))
             (i32.store (i32.const 70008) (i32.const 1)) (i32.store (i32.const 70104) (i32.const 14000000))
             (i32.const 70000)",
            too_much,
        ),
        call(
            "floods the log",
            "(loop (call $log (i32.const 1) (i32.const 70000) (i32.const 5000))
             (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (br_if 0 (i32.lt_u (global.get $calls) (i32.const 10000)))) (global.get $answer)",
            End::Harmless(2),
        ),
    ]
}

/// What the host calls to place its arguments.
fn allocators() -> Vec<Attack> {
    let realloc =
        |name, realloc: &str, end| attack(name, Fixture { realloc: realloc.into(), ..Fixture::default() }.build(), end);
    let again = "(call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3)) (drop (i32.const 1))";
    let log = "(call $log (i32.const 0) (i32.const 0) (i32.const 1)) (i32.const 65536)";
    let trap = |why| End::Fault(FaultKind::Trap, why);
    vec![
        realloc("an allocator without end", "(loop (br 0)) (unreachable)", End::Fault(FaultKind::Fuel, "units")),
        realloc("an allocator that calls itself", again, End::Fault(FaultKind::Stack, "262144 bytes")),
        realloc("an allocator that calls the host", log, trap("cannot leave component instance")),
        realloc("memory that is not there", "(i32.const 0x7fff0000)", trap("beyond end of memory")),
        realloc("memory that is not aligned", "(i32.const 65537)", trap("not aligned")),
        realloc("the same memory for everything", "(i32.const 65536)", End::Harmless(2)),
        realloc("the answer's memory for the question", "(global.get $answer)", trap("invalid expected discriminant")),
    ]
}

/// Answers that are none.
fn answers() -> Vec<Attack> {
    let trap = |why| End::Fault(FaultKind::Trap, why);
    let first = "(i32.load offset=4 (global.get $answer))";
    let errors = |name, text: &str, end| {
        let fixture =
            Fixture { map_url: "(global.get $error)".into(), fields: error_at(&[1, 1], text), ..Fixture::default() };
        attack(name, fixture.build(), end)
    };
    vec![
        call("an answer outside of its memory", "(i32.const 0x7fffffe0)", trap("out of bounds")),
        call("an answer that is not aligned", "(i32.const 70001)", trap("not aligned")),
        call(
            "a list outside of its memory",
            "(i32.store offset=4 (global.get $answer) (i32.const 0x7ffffff0)) (global.get $answer)",
            trap("out of bounds"),
        ),
        call(
            "a text that is no text",
            &format!("(i32.store (i32.load {first}) (i32.const -1)) (global.get $answer)"),
            trap("utf-8"),
        ),
        call(
            "a kind that there is not",
            &format!("(i32.store8 offset=20 {first} (i32.const 9)) (global.get $answer)"),
            trap("discriminant"),
        ),
        call(
            "words that are no text",
            "(i32.store (i32.const 70000) (i32.const -1)) (call $log (i32.const 0) (i32.const 70000) (i32.const 4))
             (global.get $answer)",
            trap("utf-8"),
        ),
        call(
            "words from outside of its memory",
            "(call $log (i32.const 0) (i32.const -9) (i32.const 4)) (unreachable)",
            trap("out of bounds"),
        ),
        errors("advice that the terminal would obey", "\u{1b}[2Jgo \u{202e}away\r\n", End::Harmless(0)),
        errors(
            "advice that reads as something else",
            "\u{202e}no\u{2066}\u{200b}\u{ad}\u{e0041}\u{fe0f}\u{2028}a\u{301}\u{302}\u{303}\u{304}",
            End::Harmless(0),
        ),
        attack(
            "last words that read as something else",
            Fixture {
                map_url: "(call $log (i32.const 0) (i32.const 70000) (i32.const 10)) (unreachable)".into(),
                fields: r#"(data (i32.const 70000) "\e2\80\aeniw \e2\80\8b")"#.into(),
                ..Fixture::default()
            }
            .build(),
            trap(r"\u{202e}niw \u{200b}"),
        ),
        attack(
            "last words that the terminal would obey",
            Fixture {
                map_url: "(call $log (i32.const 0) (i32.const 70000) (i32.const 12)) (unreachable)".into(),
                fields: r#"(data (i32.const 70000) "\1b[2J\07I win\0d\0a")"#.into(),
                ..Fixture::default()
            }
            .build(),
            trap("[2JI win"),
        ),
    ]
}

/// Candidates that lead where nobody may go, and answers that depend on what
/// was asked before.
fn lies() -> Vec<Attack> {
    let names = |name, candidates: &'static [&'static str], check, kept| {
        attack(name, Fixture { candidates, ..Fixture::default() }.build(), End::Dropped(check, kept))
    };
    // Answers one candidate first and two from the second call on.
    let stateful = "(i32.store offset=8 (global.get $answer)
        (select (i32.const 1) (i32.const 2) (i32.le_u (global.get $calls) (i32.const 1)))) (global.get $answer)";
    // Points the first candidate at the URL that was asked before this one.
    let teller = Fixture {
        map_url: "(if (global.get $last) (then
                (i32.store (i32.load offset=4 (global.get $answer)) (global.get $last))
                (i32.store offset=4 (i32.load offset=4 (global.get $answer)) (global.get $length))))
            (global.set $last (local.get 0)) (global.set $length (local.get 1))
            (i32.store offset=8 (global.get $answer) (i32.const 1)) (global.get $answer)"
            .into(),
        fields: "(global $last (mut i32) (i32.const 0)) (global $length (mut i32) (i32.const 0))".into(),
        ..Fixture::default()
    };
    let long: &'static str = String::leak(format!("https://a.example/{}", "a".repeat(9_000)));
    let odd_region = "(i32.store offset=8 (i32.load offset=4 (global.get $answer)) (i32.const 70000))
        (i32.store offset=12 (i32.load offset=4 (global.get $answer)) (i32.const 5)) (global.get $answer)";
    vec![
        names("a step down to http", &["http://a.example/f"], OutputCheck::Scheme, 0),
        names("a file", &["file:///etc/passwd", "https://a.example/f"], OutputCheck::Scheme, 1),
        names("a script", &["javascript:alert(1)"], OutputCheck::Scheme, 0),
        names("credentials", &["https://me:secret@a.example/f"], OutputCheck::Credentials, 0),
        names(
            "this machine",
            &["https://127.0.0.1/f", "https://[::1]/f", "https://localhost/f"],
            OutputCheck::Address,
            0,
        ),
        names("the machine's secrets", &["https://169.254.169.254/latest/meta-data"], OutputCheck::Address, 0),
        names("an address in disguise", &["https://0x7f.1/f", "https://2130706433/f"], OutputCheck::Address, 0),
        names(
            "other services of public hosts",
            &["https://a.example:22/f", "https://1.1.1.1:6379/f", "https://a.example:8443/f"],
            OutputCheck::Address,
            1,
        ),
        names(
            "names that only others resolve",
            &["https://a.onion/f", "https://a.default.svc/f", "https://metadata.google.internal/f", "https://files/f"],
            OutputCheck::Address,
            0,
        ),
        names("a header smuggled in", &["https://a.example/f\r\nX-Injected: yes"], OutputCheck::Character, 0),
        names("an escape sequence", &["https://a.example/\u{1b}[2J"], OutputCheck::Character, 0),
        names("no URL at all", &["a.example/f"], OutputCheck::Syntax, 0),
        names("a URL without end", vec![long].leak(), OutputCheck::Length, 0),
        names("too many candidates", many(), OutputCheck::Count, 32),
        call("a region that is none", odd_region, End::Dropped(OutputCheck::Region, 1)),
        call("keeps count of the questions", stateful, End::FoundOut),
        attack("tells of the question before", teller.build(), End::FoundOut),
    ]
}

fn many() -> &'static [&'static str] {
    let urls = (0..600).map(|number| &*String::leak(format!("https://a.example/{number}")));
    Vec::leak(urls.collect())
}

//! Components for tests, written as text: small enough to be hostile in one
//! particular way each.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// First address of the data; the heap begins a page further.
const DATA: u32 = 1024;

/// A rule as text. Functions not given behave.
pub(super) struct Fixture {
    pub(super) id: &'static str,
    pub(super) version: &'static str,
    /// Host suffix of its interest.
    pub(super) host: &'static str,
    /// What `map-url` answers.
    pub(super) candidates: &'static [&'static str],
    /// An example of the self-test: URL and candidates.
    pub(super) examples: &'static [(&'static str, &'static [&'static str])],
    /// Instructions of `map-url` in place of the answer. The parameters are
    /// the request's parts; `$answer` is the address of the usual answer.
    pub(super) map_url: String,
    /// Instructions of `describe`, to run before the usual answer.
    pub(super) describe: String,
    /// Instructions of `cabi_realloc` in place of a heap that goes round. Its
    /// parameters are the old address and size, the alignment and the new size.
    pub(super) realloc: String,
    /// Instructions of `configure`, which leave the address of the result.
    pub(super) configure: String,
    /// More fields of the module.
    pub(super) fields: String,
    /// Initial pages of memory.
    pub(super) pages: u32,
}

/// Hands out a page, again and again: what a call is given does not fill it.
const HEAP: &str = "(global.get $heap)
    (global.set $heap (i32.and (i32.add (global.get $heap) (i32.add (local.get 3) (i32.const 8))) (i32.const -8)))
    (if (i32.ge_u (global.get $heap) (i32.const 131072)) (then (global.set $heap (i32.const 65536))))";

impl Default for Fixture {
    fn default() -> Self {
        Self {
            id: "fixture",
            version: "1.0.0",
            host: "origin.example",
            candidates: &["https://a.example/f", "https://b.example/f"],
            examples: &[],
            map_url: "(global.get $answer)".into(),
            describe: String::new(),
            realloc: HEAP.into(),
            configure: "(global.get $accepted)".into(),
            fields: String::new(),
            pages: 3,
        }
    }
}

impl Fixture {
    /// The component.
    pub(super) fn build(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).expect("well-formed text");
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir("../wit/turbo-engine/v0_1").expect("the WIT");
        let world = resolve.select_world(&[package], Some("mirror-rule")).expect("the world");
        wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
        ComponentEncoder::default().module(&module).expect("a module").encode().expect("a component")
    }

    fn text(&self) -> String {
        let mut image = Image::default();
        let info = self.info(&mut image);
        let urls: Vec<Text> = self.candidates.iter().map(|url| image.text(url)).collect();
        let candidates: Vec<u32> = urls.iter().flat_map(|url| [url.0, url.1, 0, 0, 50, 0]).collect();
        let candidates = image.words(&candidates);
        let answer = image.words(&[0, candidates, u32::try_from(urls.len()).expect("few")]);
        let accepted = image.words(&[0, 0, 0]);
        let Self { map_url, describe, realloc, configure, fields, pages, .. } = self;
        let data = escaped(&image.0);
        format!(
            r#"(module
                (import "turbo:engine/log@0.1.0" "log" (func $log (param i32 i32 i32)))
                (memory (export "memory") {pages})
                (data (i32.const {DATA}) "{data}")
                (global $heap (mut i32) (i32.const 65536))
                (global $calls (mut i32) (i32.const 0))
                (global $answer i32 (i32.const {answer}))
                (global $accepted i32 (i32.const {accepted}))
                (global $info i32 (i32.const {info}))
                {fields}
                (func $realloc (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    {realloc})
                (func (export "turbo:engine/mirror-rules@0.1.0#describe") (result i32)
                    {describe}
                    (i32.const {info}))
                (func (export "turbo:engine/mirror-rules@0.1.0#configure") (param i32 i32) (result i32)
                    {configure})
                (func (export "turbo:engine/mirror-rules@0.1.0#map-url")
                    (param i32 i32 i32 i32 i32 i32) (result i32)
                    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
                    {map_url}))"#
        )
    }

    fn info(&self, image: &mut Image) -> u32 {
        let (id, version, summary) = (image.text(self.id), image.text(self.version), image.text("A fixture."));
        let host = image.text(self.host);
        let hosts = image.words(&[host.0, host.1]);
        let pattern = image.words(&[0, 0, hosts, 1, 0, 0]);
        let examples: Vec<u32> =
            self.examples.iter().flat_map(|(url, expected)| image.example(url, expected)).collect();
        let examples = image.words(&examples);
        let count = u32::try_from(self.examples.len()).expect("few");
        image.words(&[id.0, id.1, version.0, version.1, summary.0, summary.1, pattern, 1, examples, count, 0, 0])
    }
}

/// Fields of a module for a function that fails: the global `$error` is the
/// address of a result that begins with the given discriminants and ends in a
/// text.
pub(super) fn error_at(discriminants: &[u32], text: &str) -> String {
    const ADDRESS: u32 = 70_000;
    const TEXT: u32 = ADDRESS + 32;
    let length = u32::try_from(text.len()).expect("short");
    let words = [discriminants, &[TEXT, length]].concat();
    let result: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let (result, text) = (escaped(&result), escaped(text.as_bytes()));
    format!(
        r#"(global $error i32 (i32.const {ADDRESS}))
        (data (i32.const {ADDRESS}) "{result}")
        (data (i32.const {TEXT}) "{text}")"#
    )
}

/// Bytes as the text format writes them in a string.
fn escaped(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "\\{byte:02x}").expect("a string takes all");
        text
    })
}

/// Address and length.
type Text = (u32, u32);

/// The data segment, growing.
#[derive(Default)]
struct Image(Vec<u8>);

impl Image {
    fn text(&mut self, text: &str) -> Text {
        let address = self.end();
        self.0.extend(text.as_bytes());
        (address, u32::try_from(text.len()).expect("short"))
    }

    fn words(&mut self, words: &[u32]) -> u32 {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let address = self.end();
        self.0.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        address
    }

    fn example(&mut self, url: &str, expected: &[&str]) -> [u32; 6] {
        let url = self.text(url);
        let expected: Vec<u32> = expected.iter().map(|one| self.text(one)).flat_map(|text| [text.0, text.1]).collect();
        let list = self.words(&expected);
        [url.0, url.1, 0, 0, list, u32::try_from(expected.len() / 2).expect("few")]
    }

    fn end(&self) -> u32 {
        DATA + u32::try_from(self.0.len()).expect("less than a page")
    }
}

//! Reads a component before anything is compiled.
//!
//! Compilation cannot be interrupted, and its time grows faster than the
//! file: 733 KB in one function took a minute and a half. So the shape of the
//! code is bounded first, by a pass that only counts. Whether the code is
//! valid is the compiler's to say.

use wasmparser::{
    BinaryReaderError, CustomSectionReader, Encoding, FunctionBody, Instance, Parser, Payload, TableInit,
};

use super::build::sections::{GRANTS, GRANTS_BYTES};
use super::shape::Shape;
use super::{Grant, Limits, ScanLimit};

/// Length of a page of linear memory.
const PAGE_BYTES: u64 = 64 << 10;

/// Most names of one kind that are kept. No component within the limits has
/// more; one that has them is refused for that.
const NAMES: usize = 10_000;

/// Calls between components go through code that the compiler makes up from
/// their types, and a type can be far larger than the file that states it.
/// What wraps a plain guest only passes functions on.
const COMPOSED: &str = "it is composed of several components, the limit is one with code of its own";

/// What a component asks for and what it offers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    /// Names of its imports.
    pub(super) imports: Vec<String>,
    /// Names of its exports.
    pub(super) exports: Vec<String>,
    /// What its author asks to be granted. No more than a request: it is the
    /// user who grants.
    pub(super) asked: Grant,
}

/// Why a file is not compiled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No WebAssembly, or cut short.
    Malformed(String),
    /// A core module.
    CoreModule,
    /// Over a limit: which one, and by what.
    Limit(ScanLimit, String),
}

impl From<BinaryReaderError> for Refusal {
    fn from(error: BinaryReaderError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Reads a component and holds it against the limits.
pub(super) fn scan(bytes: &[u8], limits: &Limits) -> Result<Scan, Refusal> {
    let mut counter = Counter::new(limits, Beyond::Stop);
    counter.read(bytes)?;
    Ok(counter.found)
}

/// The grants without which a component is over the limits, and those that its
/// author asks for. None for one that no grant helps: it is damaged, or beyond
/// all that can be granted.
pub(super) fn needed(bytes: &[u8], limits: &Limits) -> Option<Grant> {
    let highest = Grant::most(limits);
    let mut counter = Counter::new(&highest, Beyond::Stop);
    counter.read(bytes).ok()?;
    let needed = Grant::needed(counter.figures.iter().map(|figure| (figure.limit, figure.found)), limits);
    Some(needed.with(&counter.found.asked.beyond(limits)))
}

/// All that can be told of a file, whatever is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// What it asks for and offers, as far as it could be read.
    pub(super) found: Scan,
    /// How near to each limit it comes, in the order of meeting them.
    pub(super) figures: Vec<Figure>,
    /// Why it would not be compiled.
    pub(super) refusals: Vec<Refusal>,
}

/// The most that a file has of what is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figure {
    pub(super) limit: ScanLimit,
    pub(super) found: u64,
    pub(super) allowed: u64,
}

/// Reads a file to its end, or as far as it can be read.
pub(super) fn survey(bytes: &[u8], limits: &Limits) -> Survey {
    let mut counter = Counter::new(limits, Beyond::Note);
    let end = counter.read(bytes);
    let Counter { found, figures, is_composed, .. } = counter;
    let mut refusals: Vec<Refusal> = figures.iter().filter_map(Figure::refusal).collect();
    refusals.extend(is_composed.then(composed));
    refusals.extend(end.err());
    Survey { found, figures, refusals }
}

impl Figure {
    fn refusal(&self) -> Option<Refusal> {
        let Self { limit, found, allowed } = *self;
        (found > allowed).then(|| Refusal::Limit(limit, format!("{found}, the limit is {allowed}")))
    }
}

fn composed() -> Refusal {
    Refusal::Limit(ScanLimit::Modules, COMPOSED.into())
}

/// What to do beyond a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// Read no further.
    Stop,
    /// Note it and go on.
    Note,
}

fn not_a_component(bytes: &[u8]) -> Refusal {
    if Parser::is_core_wasm(bytes) {
        return Refusal::CoreModule;
    }
    Refusal::Malformed(match bytes {
        [] => "it is empty".into(),
        [b'\0', b'a', b's', b'm', ..] => {
            "it is of a WebAssembly version this engine does not know, or cut short".into()
        }
        [b'(', ..] => "it is WebAssembly text; assemble it first".into(),
        _ => "it does not begin like a WebAssembly file".into(),
    })
}

/// Sums over the file and everything nested in it.
struct Counter<'a> {
    limits: &'a Limits,
    nested_in: Vec<Encoding>,
    functions: u64,
    items: u64,
    modules: u64,
    instances: u64,
    core_instances: u64,
    compile_us: u64,
    found: Scan,
    beyond: Beyond,
    /// The most of each limit so far.
    figures: Vec<Figure>,
    is_composed: bool,
}

impl<'a> Counter<'a> {
    fn new(limits: &'a Limits, beyond: Beyond) -> Self {
        Self {
            limits,
            nested_in: Vec::new(),
            functions: 0,
            items: 0,
            modules: 0,
            instances: 0,
            core_instances: 0,
            compile_us: 0,
            found: Scan::default(),
            beyond,
            figures: Vec::new(),
            is_composed: false,
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        self.within(bytes.len() as u64, self.limits.file_bytes, ScanLimit::FileBytes)?;
        if !Parser::is_component(bytes) {
            return Err(not_a_component(bytes));
        }
        for payload in Parser::new(0).parse_all(bytes) {
            self.count(&payload?)?;
        }
        Ok(())
    }

    fn within(&mut self, found: u64, allowed: u64, limit: ScanLimit) -> Result<(), Refusal> {
        let figure = Figure { limit, found, allowed };
        match self.figures.iter_mut().find(|figure| figure.limit == limit) {
            Some(most) => most.found = most.found.max(found),
            None => self.figures.push(figure),
        }
        if self.beyond == Beyond::Note {
            return Ok(());
        }
        figure.refusal().map_or(Ok(()), Err)
    }

    fn compose(&mut self) -> Result<(), Refusal> {
        self.is_composed = true;
        if self.beyond == Beyond::Stop { Err(composed()) } else { Ok(()) }
    }

    fn count(&mut self, payload: &Payload<'_>) -> Result<(), Refusal> {
        match payload {
            Payload::Version { encoding, .. } => self.enter(*encoding)?,
            Payload::End(_) => drop(self.nested_in.pop()),
            Payload::ModuleSection { .. } | Payload::ComponentCanonicalSection(_) if self.is_nested_component() => {
                self.compose()?;
            }
            Payload::FunctionSection(section) => self.functions(section.count())?,
            Payload::CodeSectionEntry(body) => self.body(body)?,
            Payload::TableSection(section) => {
                self.instances(section.count())?;
                for table in section.clone() {
                    let table = table?;
                    self.within(table.ty.initial, self.limits.table_elements.into(), ScanLimit::TableElements)?;
                    if let TableInit::Expr(_) = table.init {
                        self.items(1)?;
                    }
                }
            }
            Payload::MemorySection(section) => {
                self.instances(section.count())?;
                for memory in section.clone() {
                    let bytes = memory?.initial.saturating_mul(PAGE_BYTES);
                    self.within(bytes, self.limits.memory_bytes, ScanLimit::MemoryBytes)?;
                }
            }
            Payload::InstanceSection(section) => {
                self.items(section.count())?;
                for instance in section.clone() {
                    self.core_instances += u64::from(matches!(instance?, Instance::Instantiate { .. }));
                }
                self.within(self.core_instances, self.limits.instances.into(), ScanLimit::Instances)?;
            }
            Payload::ComponentInstanceSection(section) => self.items(section.count())?,
            Payload::TypeSection(section) => self.items(section.count())?,
            Payload::CoreTypeSection(section) => self.items(section.count())?,
            Payload::ComponentTypeSection(section) => self.items(section.count())?,
            Payload::ComponentAliasSection(section) => self.items(section.count())?,
            Payload::ComponentCanonicalSection(section) => self.items(section.count())?,
            Payload::ImportSection(section) => self.items(section.count())?,
            Payload::ExportSection(section) => self.items(section.count())?,
            Payload::GlobalSection(section) => self.items(section.count())?,
            Payload::ElementSection(section) => self.items(section.count())?,
            Payload::DataSection(section) => self.items(section.count())?,
            Payload::TagSection(section) => self.items(section.count())?,
            Payload::ComponentImportSection(section) => {
                self.items(section.count())?;
                for import in section.clone() {
                    let import = import?;
                    self.name(import.name.name, |found| &mut found.imports);
                }
            }
            Payload::ComponentExportSection(section) => {
                self.items(section.count())?;
                for export in section.clone() {
                    let export = export?;
                    self.name(export.name.name, |found| &mut found.exports);
                }
            }
            Payload::CustomSection(section) if self.nested_in.len() == 1 => self.ask(section),
            _ => {}
        }
        Ok(())
    }

    /// What the author asks for; a request that makes no sense is none.
    fn ask(&mut self, section: &CustomSectionReader<'_>) {
        if section.name() != GRANTS || section.data().len() > GRANTS_BYTES {
            return;
        }
        let text = str::from_utf8(section.data()).unwrap_or_default();
        self.found.asked = Grant::parse(text.split_whitespace()).unwrap_or_default();
    }

    fn enter(&mut self, encoding: Encoding) -> Result<(), Refusal> {
        self.modules += u64::from(!self.nested_in.is_empty());
        self.nested_in.push(encoding);
        self.instances = 0;
        self.within(self.modules, self.limits.modules.into(), ScanLimit::Modules)
    }

    fn is_nested_component(&self) -> bool {
        matches!(self.nested_in[..], [_, .., Encoding::Component])
    }

    /// Keeps a name of the component itself, not of one nested in it.
    fn name(&mut self, name: &str, list: fn(&mut Scan) -> &mut Vec<String>) {
        let names = list(&mut self.found);
        if self.nested_in.len() == 1 && names.len() < NAMES {
            names.push(name.to_owned());
        }
    }

    fn functions(&mut self, more: u32) -> Result<(), Refusal> {
        self.functions += u64::from(more);
        self.within(self.functions, self.limits.functions.into(), ScanLimit::Functions)
    }

    fn items(&mut self, more: u32) -> Result<(), Refusal> {
        self.items += u64::from(more);
        self.within(self.items, self.limits.items.into(), ScanLimit::Items)
    }

    /// Memories and tables of one module; core instances are counted apart.
    fn instances(&mut self, more: u32) -> Result<(), Refusal> {
        self.instances += u64::from(more);
        self.within(self.instances, self.limits.instances.into(), ScanLimit::Instances)
    }

    fn body(&mut self, body: &FunctionBody<'_>) -> Result<(), Refusal> {
        let limits = self.limits;
        self.within(body.range().len() as u64, limits.function_bytes.into(), ScanLimit::FunctionBytes)?;
        let shape = Shape::of(body)?;
        self.within(shape.locals, limits.locals.into(), ScanLimit::Locals)?;
        self.within(shape.depth, limits.nesting.into(), ScanLimit::Nesting)?;
        self.compile_us += shape.compile_us();
        self.within(self.compile_us / 1_000, limits.compile_ms, ScanLimit::CompileTime)
    }
}

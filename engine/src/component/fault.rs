//! What a component did wrong, without harm to anyone but itself.

use std::fmt;

use serde::Serialize;

use crate::model::quoted;

/// A component's failure. The download goes on without its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Identifier of the rule, or the file's name where it never told its id.
    pub component: String,
    /// What went wrong.
    pub kind: FaultKind,
    /// The details, or the guest's own words (panic text) where it left any.
    pub message: String,
    /// Whether they are the guest's words, which are shown in quotes.
    #[serde(skip)]
    pub(super) are_its_words: bool,
}

impl Fault {
    /// What went wrong, without the component's name.
    pub fn what(&self) -> String {
        match (self.are_its_words, self.message.is_empty()) {
            (true, _) => format!("{}: {}", self.kind, quoted(&self.message)),
            (false, false) => format!("{}: {}", self.kind, self.message),
            (false, true) => self.kind.to_string(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "component `{}`: {}", self.component, self.what())
    }
}

/// What went wrong with a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The call used up its fuel.
    Fuel,
    /// The call ran past its deadline.
    Deadline,
    /// The call asked for more memory than it may have.
    Memory,
    /// The call nested too deep.
    Stack,
    /// The call handed the host more bytes than it may.
    ResultSize,
    /// The guest stopped itself, or did what no guest may.
    Trap,
    /// The file was refused before compilation.
    PreScan(ScanLimit),
    /// The compiler or the linker refused the file.
    Load,
    /// What the component says of itself makes no sense.
    Description,
    /// The component fails its own examples.
    SelfTest,
    /// A part of the answer failed a check and was dropped.
    Output(OutputCheck),
    /// An instance that served before answers otherwise than a fresh one.
    State,
    /// More calls at once than there are instances.
    Busy,
    /// The file is not the one that was installed, or nobody vouches for it.
    Untrusted,
}

impl FaultKind {
    /// A short name for counters and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::ResultSize => "result-size",
            Self::Trap => "trap",
            Self::PreScan(_) => "pre-scan",
            Self::Load => "load",
            Self::Description => "description",
            Self::SelfTest => "self-test",
            Self::Output(_) => "output",
            Self::State => "state",
            Self::Busy => "busy",
            Self::Untrusted => "untrusted",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuel => "out of fuel",
            Self::Deadline => "past its deadline",
            Self::Memory => "over its memory limit",
            Self::Stack => "over its stack limit",
            Self::ResultSize => "over its result size limit",
            Self::Trap => "trapped",
            Self::PreScan(limit) => return write!(f, "refused before compilation, {limit}"),
            Self::Load => "cannot be loaded",
            Self::Description => "describes itself wrongly",
            Self::SelfTest => "fails its own example",
            Self::Output(check) => return write!(f, "answer refused, {check}"),
            Self::State => "keeps state between calls",
            Self::Busy => "too many calls at once",
            Self::Untrusted => "is not trusted",
        })
    }
}

/// The bound of [`super::Limits`] that a file exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScanLimit {
    /// `file_bytes`.
    FileBytes,
    /// `function_bytes`.
    FunctionBytes,
    /// `functions`.
    Functions,
    /// `locals`.
    Locals,
    /// `nesting`.
    Nesting,
    /// `compile_ms`.
    CompileTime,
    /// `items`.
    Items,
    /// `modules`.
    Modules,
    /// `instances`: memories, tables or core instances.
    Instances,
    /// `table_elements`.
    TableElements,
    /// `memory_bytes`.
    MemoryBytes,
}

impl ScanLimit {
    /// The name under which the user grants more of it.
    pub(super) fn grant(self) -> &'static str {
        match self {
            Self::FileBytes => "file",
            Self::FunctionBytes => "function",
            Self::Functions => "functions",
            Self::Locals => "locals",
            Self::Nesting => "nesting",
            Self::CompileTime => "compile",
            Self::Items => "items",
            Self::Modules => "modules",
            Self::Instances => "instances",
            Self::TableElements => "tables",
            Self::MemoryBytes => "memory",
        }
    }
}

impl fmt::Display for ScanLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileBytes => "file too long",
            Self::FunctionBytes => "function too long",
            Self::Functions => "too many functions",
            Self::Locals => "too many locals in a function",
            Self::Nesting => "blocks nested too deep",
            Self::CompileTime => "compilation would take too long",
            Self::Items => "too many items",
            Self::Modules => "too many modules",
            Self::Instances => "too many instances",
            Self::TableElements => "table too long",
            Self::MemoryBytes => "memory too large",
        })
    }
}

/// The check that a candidate failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputCheck {
    /// More candidates than allowed.
    Count,
    /// A URL longer than allowed.
    Length,
    /// A control character or a space in a URL.
    Character,
    /// Not an absolute URL.
    Syntax,
    /// Neither `http` nor `https`, or a step down from `https`.
    Scheme,
    /// A user or a password in the URL.
    Credentials,
    /// A host that is no public one, or a port that public web servers do not use.
    Address,
    /// A region that is no country code.
    Region,
}

impl fmt::Display for OutputCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Count => "too many candidates",
            Self::Length => "a URL is too long",
            Self::Character => "a URL has a control character or a space",
            Self::Syntax => "not an absolute URL",
            Self::Scheme => "neither https nor as safe as the request",
            Self::Credentials => "a URL carries credentials",
            Self::Address => "not a public host or port",
            Self::Region => "not a region",
        })
    }
}

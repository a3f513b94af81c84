//! What a component may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The largest stack that a guest can have. It is the calling thread's, of
/// which the host needs its part too; the smallest threads have 2 MiB.
pub(super) const MOST_STACK_BYTES: u64 = 1 << 20;

/// Bounds on a component's file, compilation, execution and answers.
///
/// Every field is configurable; the defaults fit rules of up to a few hundred
/// kilobytes. Guests that carry an interpreter (JavaScript, Python) need far
/// larger ones and should get them one component at a time.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Length of the component's file.
    pub file_bytes: u64,
    /// Length of one function's body. Compile time grows faster than linearly
    /// with it: 142 KB in one function takes seconds.
    pub function_bytes: u32,
    /// Functions in all core modules together. Each costs tens of microseconds
    /// and about 2 KiB to compile, however small it is.
    pub functions: u32,
    /// Local variables of one function.
    pub locals: u32,
    /// Depth of nested blocks in one function.
    pub nesting: u32,
    /// Time that compilation would take on one core, estimated from the shape
    /// of the code.
    pub compile_ms: u64,
    /// Types, imports, exports, globals, elements and data segments together.
    pub items: u32,
    /// Core modules and nested components in the file together.
    pub modules: u32,
    /// Core instances, memories and tables of one instance, each.
    pub instances: u32,
    /// Elements of all tables of one instance.
    pub table_elements: u32,
    /// Linear memory of one instance, all its memories together.
    pub memory_bytes: u64,
    /// The guest's call stack, 1 MiB at most.
    pub stack_bytes: u32,
    /// Fuel of one call; 1,000,000 are about 0.9 ms.
    pub fuel: u64,
    /// Wall-clock time of one call.
    pub deadline_ms: u64,
    /// Fuel of one call to a manifest generator.
    pub generate_fuel: u64,
    /// Wall-clock time of one call to a manifest generator.
    pub generate_deadline_ms: u64,
    /// Bytes that one call may make the host allocate, its result included.
    pub result_bytes: u32,
    /// Log messages of one call.
    pub log_calls: u32,
    /// Log text of one call.
    pub log_bytes: u32,
    /// Interest patterns, and the values of one pattern's list.
    pub patterns: u32,
    /// Self-test examples.
    pub examples: u32,
    /// Candidates of one answer.
    pub candidates: u32,
    /// Length of one URL, asked or answered.
    pub url_bytes: u32,
    /// Calls after which an instance is replaced by a fresh one.
    pub calls_per_instance: u32,
    /// One call in so many is run again on a fresh instance and compared; which
    /// one, no component can know.
    pub audit_every: u32,
    /// Consecutive faults after which a component rests.
    pub faults_before_rest: u32,
    /// How long a component rests before it is tried again.
    pub rest_ms: u64,
    /// How long it rests at most: each failed trial doubles the rest.
    pub longest_rest_ms: u64,
    /// Weight of the answers kept in memory; 0 keeps none.
    pub memo_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes: 4 << 20,
            function_bytes: 64 << 10,
            functions: 10_000,
            locals: 2_000,
            nesting: 1_000,
            compile_ms: 3_000,
            items: 10_000,
            modules: 16,
            instances: 8,
            table_elements: 10_000,
            memory_bytes: 16 << 20,
            stack_bytes: 256 << 10,
            fuel: 5_000_000,
            deadline_ms: 50,
            generate_fuel: 500_000_000,
            generate_deadline_ms: 5_000,
            result_bytes: 1 << 20,
            log_calls: 64,
            log_bytes: 16 << 10,
            patterns: 256,
            examples: 64,
            candidates: 32,
            url_bytes: 8 << 10,
            calls_per_instance: 1_024,
            audit_every: 1_024,
            faults_before_rest: 3,
            rest_ms: 30_000,
            longest_rest_ms: 480_000,
            memo_bytes: 8 << 20,
        }
    }
}

impl Limits {
    /// Finds a limit that the engine cannot keep, and says what would do.
    pub fn check(&self) -> Result<(), String> {
        if (1..=MOST_STACK_BYTES).contains(&self.stack_bytes.into()) {
            return Ok(());
        }
        let Self { stack_bytes, .. } = self;
        Err(format!("stack_bytes = {stack_bytes}: a component's stack has between 1 and {MOST_STACK_BYTES} bytes"))
    }

    /// Wall-clock time of one call.
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// The limits under which a manifest generator is called. It is asked once
    /// a release, and may take its time.
    #[must_use]
    pub fn of_generator(&self) -> Self {
        Self { fuel: self.generate_fuel, deadline_ms: self.generate_deadline_ms, ..self.clone() }
    }
}

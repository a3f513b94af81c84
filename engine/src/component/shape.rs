//! How long a function would take to compile, told from its shape.
//!
//! Compilation is far from linear: 28 KB of nested loops over many locals take
//! 2.6 s, 64 KB of straight code 20 ms. The estimate is fitted to functions
//! made for the worst and is meant to be too high rather than too low.

use wasmparser::{FunctionBody, Operator};

/// What of a function decides how long it takes to compile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Length of the body in bytes.
    pub(super) bytes: u64,
    /// Local variables.
    pub(super) locals: u64,
    /// Deepest nesting of blocks.
    pub(super) depth: u64,
    /// Places where the flow of control splits or joins.
    pub(super) branches: u64,
    /// Loops.
    pub(super) loops: u64,
    /// Calls, the runtime's own included.
    pub(super) calls: u64,
}

impl Shape {
    /// Reads a function.
    pub(super) fn of(body: &FunctionBody<'_>) -> wasmparser::Result<Self> {
        let mut shape = Self { bytes: body.range().len() as u64, ..Self::default() };
        for group in body.get_locals_reader()? {
            shape.locals += u64::from(group?.0);
        }
        let mut operators = body.get_operators_reader()?;
        let mut depth = 0u64;
        while !operators.eof() {
            match operators.read()? {
                Operator::End => depth = depth.saturating_sub(1),
                Operator::Loop { .. } => {
                    shape.loops += 1;
                    depth += 1;
                }
                Operator::If { .. } => {
                    shape.branches += 1;
                    depth += 1;
                }
                Operator::Block { .. } | Operator::TryTable { .. } => depth += 1,
                Operator::Call { .. }
                | Operator::MemoryGrow { .. }
                | Operator::MemoryCopy { .. }
                | Operator::MemoryFill { .. }
                | Operator::MemoryInit { .. }
                | Operator::TableGrow { .. }
                | Operator::TableCopy { .. }
                | Operator::TableFill { .. }
                | Operator::TableInit { .. } => shape.calls += 1,
                // An indirect call fills in its table entry on the way.
                Operator::BrIf { .. }
                | Operator::BrOnNull { .. }
                | Operator::BrOnNonNull { .. }
                | Operator::CallIndirect { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::TableGet { .. } => shape.branches += 1,
                Operator::BrTable { targets } => shape.branches += u64::from(targets.len()) / 16 + 1,
                _ => continue,
            }
            shape.depth = shape.depth.max(depth);
        }
        Ok(shape)
    }

    /// Microseconds of one core, about: blocks and their edges cost on their
    /// own and by the square, loops more so, and every local that is alive
    /// across a loop or a join becomes one of its parameters.
    pub(super) fn compile_us(self) -> u64 {
        let Self { bytes, locals, depth, branches, loops, calls } = self;
        let joins = branches + depth;
        let blocks = joins * 30 + joins * joins / 100 + loops * loops / 12;
        let parameters = loops * locals * 3 / 2 + joins * locals / 4;
        20 + bytes / 2 + calls * 4 + blocks + parameters
    }
}

#[cfg(test)]
mod tests {
    use wasmparser::{Parser, Payload};

    use super::*;
    use crate::component::built_in::BUILT_IN;

    fn shapes(bytes: &[u8]) -> Vec<Shape> {
        let bodies = Parser::new(0).parse_all(bytes).filter_map(|payload| match payload.unwrap() {
            Payload::CodeSectionEntry(body) => Some(Shape::of(&body).unwrap()),
            _ => None,
        });
        bodies.collect()
    }

    #[test]
    fn counts_what_makes_compilation_slow() {
        let module = wat::parse_str(
            "(module (func $f (local i32 i32 i64)
                (loop (block (br_if 0 (local.get 0)) (br_if 1 (local.get 1))))
                (if (local.get 0) (then (call $f)))))",
        );
        let [shape] = shapes(&module.unwrap())[..] else { panic!("one function") };
        assert_eq!(shape, Shape { bytes: shape.bytes, locals: 3, depth: 2, branches: 3, loops: 1, calls: 1 });
    }

    #[test]
    fn ordinary_code_is_far_from_the_limit() {
        for built_in in BUILT_IN {
            let estimate: u64 = shapes(built_in.bytes).into_iter().map(Shape::compile_us).sum();
            assert!(estimate < 200_000, "{}: {estimate} us", built_in.id);
        }
    }
}

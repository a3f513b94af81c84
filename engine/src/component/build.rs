//! Builds a component from its source: cargo, then the component encoding.

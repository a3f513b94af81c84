//! turbo-engine: a native download and publish engine with a sandboxed,
//! WebAssembly-extensible edge.
//!
//! Dependencies point down only: `cli` joins the flows (`download`, `registry`, `publish`), a flow
//! joins the adapters (`component`, `net`, `store`, `metrics`), the adapters
//! never import one another, and all stand on the pure `plan` and `model`.

pub mod cli;
pub mod component;
pub mod download;
pub mod metrics;
pub mod model;
pub mod net;
pub mod plan;
pub mod publish;
pub mod registry;
pub mod store;

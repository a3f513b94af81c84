//! The engine as its users meet it: through the built binary and real
//! servers. `tidy` alone reads the source tree instead.

mod rig;
mod tidy;

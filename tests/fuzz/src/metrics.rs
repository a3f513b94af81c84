//! The part of `metrics` that keeps a file.

#[path = "../../../engine/src/metrics/totals.rs"]
mod totals;

pub use totals::{Account, HostAccount, HostTotals, RuleAccount, RuleTotals, Totals, TotalsError};

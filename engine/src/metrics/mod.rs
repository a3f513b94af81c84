//! Numbers about many downloads, kept from run to run.
//!
//! Owns the totals and the arithmetic on them. It does no I/O and knows
//! neither the network nor the store: the command line hands it accounts of
//! downloads, and its bytes to the store. The key invariant: the totals are
//! bounded however many hosts and rules a user meets.

mod totals;

pub use totals::{Account, HostAccount, HostTotals, RuleAccount, RuleTotals, Totals, TotalsError};

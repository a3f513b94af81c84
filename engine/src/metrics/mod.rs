//! Numbers about this process, and about many downloads from run to run.
//!
//! Owns the totals and the arithmetic on them, and asks the system what this
//! process has used, which is all the I/O it does. It knows neither the network
//! nor the store: the command line hands it accounts of downloads, and its
//! bytes to the store. The key invariant: the totals are bounded however many
//! hosts and rules a user meets.

mod process;
mod totals;

pub use process::ProcessUsage;
pub use totals::{Account, HostAccount, HostTotals, RuleAccount, RuleTotals, Totals, TotalsError};

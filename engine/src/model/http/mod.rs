//! Header fields of HTTP, parsed strictly.
//!
//! Every parser takes the text of a field value from a server nobody vouches
//! for: it never panics, allocates at most in proportion to the value (which
//! the client bounds to 64 KiB) and never guesses where the answer decides
//! which bytes are written.

mod content_range;
mod fingerprint;
mod retry_after;
mod validator;

pub use content_range::{ContentRange, ContentRangeError};
pub use fingerprint::Fingerprint;
pub use retry_after::retry_after;
pub use validator::{Agreement, EntityTag, EntityTagError, LastModified, Validators};

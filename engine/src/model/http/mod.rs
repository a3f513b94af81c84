//! Header fields of HTTP, parsed strictly.
//!
//! Every parser takes the text of a field value from a server nobody vouches
//! for: it never panics, allocates at most in proportion to the value (which
//! the client bounds to 64 KiB) and never guesses where the answer decides
//! which bytes are written.

mod challenge;
mod coding;
mod content_disposition;
mod content_range;
mod digest_fields;
mod encoded_word;
mod link;
mod params;
mod retry_after;
mod set_cookie;
mod validator;

pub use challenge::{Challenge, challenges};
pub use coding::{Coding, Codings, MOST_CODINGS};
pub use content_disposition::disposition_file_name;
pub use content_range::{ContentRange, ContentRangeError};
pub use digest_fields::file_digests;
pub use link::{Duplicate, Links};
pub use retry_after::retry_after;
pub use set_cookie::{Jar, JarCookie};
pub use validator::{Agreement, EntityTag, EntityTagError, LastModified, Validators};

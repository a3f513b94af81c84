//! `--remote-time`: the origin's `Last-Modified` as the modification time of
//! the finished file, as `curl -R` and wget set it.

use std::time::SystemTime;

use super::{Engine, Event, FileTime, Observer};
use crate::model::http::{LastModified, Validators};

/// The time that a finished file is to have; none for that of the download.
///
/// Warns where the user asks for the origin's and it gives none that can be
/// true: one that lies ahead would make the file newer than whatever is built
/// from it. (Dates before 1970 are no HTTP dates to the parser.)
pub(super) fn file_time(engine: &Engine, observer: &dyn Observer, validators: &Validators) -> Option<SystemTime> {
    if engine.options.file_time == FileTime::Local {
        return None;
    }
    let at = validators.last_modified.map(LastModified::at).filter(|at| *at <= SystemTime::now());
    if at.is_none() {
        observer.event(&Event::warning(
            "the origin states no plausible modification time; the file keeps the time of its download",
        ));
    }
    at
}

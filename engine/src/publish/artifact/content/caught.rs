//! Panics of a reader that somebody else wrote, turned into nothing: no end of
//! the process, and no word of it to the user, who is told of the file.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread expects a panic.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Runs a reader; none when it panicked. What it was given is not used again,
/// so that nothing half done of it is seen.
pub(super) fn caught<T>(read: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    // Panics that nobody expects are told as before.
    HOOK.call_once(|| {
        let told = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                told(panic);
            }
        }));
    });
    EXPECTED.set(true);
    let read = catch_unwind(AssertUnwindSafe(read));
    EXPECTED.set(false);
    read.ok()
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_is_nothing_and_the_next_reader_is_run() {
        let empty: [u8; 0] = std::hint::black_box([]);
        assert_eq!(caught(|| empty[std::hint::black_box(0)]), None);
        assert_eq!(caught(|| 1), Some(1));
    }
}

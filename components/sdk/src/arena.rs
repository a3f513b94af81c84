//! The memory of one call: handed out from a fixed block, and all of it free
//! again when the call is over.
//!
//! A rule's answer is a dozen short texts that live for one call. The general
//! allocator asks the engine for more memory before it hands out the first
//! byte, which costs a fresh instance more than the whole answer does, and
//! then keeps books that nobody reads. What does not fit, and what is kept
//! beyond a call, is the general allocator's as before.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// Room of the block: several times what an ordinary answer takes.
const BLOCK_BYTES: usize = 48 << 10;

/// The allocator of a rule. [`export_mirror_rule!`](crate::export_mirror_rule)
/// installs it.
#[derive(Debug)]
pub struct Arena {
    block: Block<BLOCK_BYTES>,
    /// Bytes handed out, from the front.
    used: AtomicUsize,
    /// Pieces handed out that are still in use; with none left all is free.
    pieces: AtomicUsize,
    is_closed: AtomicBool,
}

#[derive(Debug)]
#[repr(align(16))]
struct Block<const BYTES: usize>(UnsafeCell<MaybeUninit<[u8; BYTES]>>);

#[expect(unsafe_code, reason = "an allocator has to share its memory")]
// SAFETY: the bytes are only touched through the pieces handed out, which do
// not overlap.
unsafe impl<const BYTES: usize> Sync for Block<BYTES> {}

impl Default for Arena {
    fn default() -> Self {
        Self::new()
    }
}

impl Arena {
    /// An arena with nothing handed out.
    pub const fn new() -> Self {
        Self {
            block: Block(UnsafeCell::new(MaybeUninit::uninit())),
            used: AtomicUsize::new(0),
            pieces: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Runs what makes something that outlives the call: its memory comes from
    /// the general allocator, so that it does not keep the block from being
    /// free again.
    pub fn outliving<T>(&self, make: impl FnOnce() -> T) -> T {
        let was_closed = self.is_closed.swap(true, Relaxed);
        let outliving = make();
        self.is_closed.store(was_closed, Relaxed);
        outliving
    }

    fn front(&self) -> *mut u8 {
        self.block.0.get().cast()
    }

    /// How far into the block a piece begins; none when it is not in it.
    fn place(&self, piece: *mut u8) -> Option<usize> {
        let place = piece.addr().wrapping_sub(self.front().addr());
        (place < BLOCK_BYTES).then_some(place)
    }

    /// Takes a piece from the block: where it begins.
    fn take(&self, layout: Layout) -> Option<usize> {
        if self.is_closed.load(Relaxed) {
            return None;
        }
        let front = self.front().addr();
        let place = (front + self.used.load(Relaxed)).checked_next_multiple_of(layout.align())? - front;
        let end = place.checked_add(layout.size()).filter(|end| *end <= BLOCK_BYTES)?;
        self.used.store(end, Relaxed);
        self.pieces.store(self.pieces.load(Relaxed) + 1, Relaxed);
        Some(place)
    }

    fn give_back(&self, place: usize, bytes: usize) {
        let left = self.pieces.load(Relaxed) - 1;
        self.pieces.store(left, Relaxed);
        if left == 0 {
            self.used.store(0, Relaxed);
        } else if place + bytes == self.used.load(Relaxed) {
            self.used.store(place, Relaxed);
        }
    }

    /// Makes the last piece longer or shorter where it lies.
    fn resize(&self, place: usize, bytes: usize, wanted: usize) -> bool {
        let is_last = place + bytes == self.used.load(Relaxed);
        let end = place.checked_add(wanted).filter(|end| is_last && *end <= BLOCK_BYTES);
        if let Some(end) = end {
            self.used.store(end, Relaxed);
        }
        end.is_some()
    }
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: a piece lies in the block, is aligned, and begins where the pieces in
// use end. It is told from the general allocator's by its address. Guests have
// one thread; the atomics are for the compiler.
unsafe impl GlobalAlloc for Arena {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.take(layout) {
            Some(place) => self.front().wrapping_add(place),
            // SAFETY: the caller's promise.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        match self.place(piece) {
            Some(place) => self.give_back(place, layout.size()),
            // SAFETY: the caller's promise; it is none of the block.
            None => unsafe { System.dealloc(piece, layout) },
        }
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, wanted: usize) -> *mut u8 {
        let Some(place) = self.place(piece) else {
            // SAFETY: the caller's promise; it is none of the block.
            return unsafe { System.realloc(piece, layout, wanted) };
        };
        if self.resize(place, layout.size(), wanted) {
            return piece;
        }
        // SAFETY: the caller promises that the size fits the alignment; the
        // pieces are apart, and both are as long as what is copied.
        unsafe {
            let other = self.alloc(Layout::from_size_align_unchecked(wanted, layout.align()));
            if !other.is_null() {
                ptr::copy_nonoverlapping(piece, other, wanted.min(layout.size()));
                self.dealloc(piece, layout);
            }
            other
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn all_is_free_again_after_the_last_piece() {
        let arena = Box::new(Arena::new());
        let first = arena.take(layout(100, 1)).unwrap();
        let second = arena.take(layout(8, 8)).unwrap();
        assert!(second >= 100 && (arena.front().addr() + second).is_multiple_of(8));
        arena.give_back(first, 100);
        assert!(arena.take(layout(1, 1)).unwrap() > second, "the second piece is in use");
        arena.give_back(second + 8, 1);
        arena.give_back(second, 8);
        assert_eq!(arena.take(layout(1, 1)), Some(0));
    }

    #[test]
    fn what_outlives_a_call_is_not_taken_from_the_block() {
        let arena = Box::new(Arena::new());
        assert_eq!(arena.outliving(|| arena.take(layout(1, 1))), None);
        assert_eq!(arena.take(layout(1, 1)), Some(0));
        assert_eq!(arena.take(layout(BLOCK_BYTES, 1)), None);
    }

    proptest! {
        /// Pieces keep what was written to them, whatever happens to others.
        #[test]
        #[expect(unsafe_code, reason = "calls the allocator as the language does")]
        fn pieces_never_overlap(steps in proptest::collection::vec((0_u8..4, 1_usize..9_000, 0_u32..5), 1..120)) {
            let arena = Box::new(Arena::new());
            let mut pieces: Vec<(*mut u8, Layout, u8)> = Vec::new();
            for (number, (step, size, align)) in steps.into_iter().enumerate() {
                let mark = u8::try_from(number).unwrap();
                // SAFETY: every piece is used with the layout it was given
                // with, until it is given back.
                unsafe {
                    match step {
                        0 | 1 => {
                            let layout = layout(size, 1 << align);
                            let piece = arena.alloc(layout);
                            piece.write_bytes(mark, size);
                            pieces.push((piece, layout, mark));
                        }
                        2 if !pieces.is_empty() => {
                            let (piece, layout, _) = pieces.swap_remove(size % pieces.len());
                            arena.dealloc(piece, layout);
                        }
                        _ => if let Some((piece, layout, mark)) = pieces.last_mut() {
                            *piece = arena.realloc(*piece, *layout, size);
                            let kept = size.min(layout.size());
                            prop_assert!(std::slice::from_raw_parts(*piece, kept).iter().all(|byte| byte == mark));
                            piece.write_bytes(*mark, size);
                            *layout = Layout::from_size_align_unchecked(size, layout.align());
                        }
                    }
                    for (piece, layout, mark) in &pieces {
                        prop_assert!(piece.addr().is_multiple_of(layout.align()));
                        let bytes = std::slice::from_raw_parts(*piece, layout.size());
                        prop_assert!(bytes.iter().all(|byte| byte == mark), "piece {mark}");
                    }
                }
            }
            // SAFETY: as above.
            pieces.into_iter().for_each(|(piece, layout, _)| unsafe { arena.dealloc(piece, layout) });
            prop_assert_eq!(arena.pieces.load(Relaxed), 0);
        }
    }
}

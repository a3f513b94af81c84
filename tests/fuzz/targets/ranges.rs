//! Edits of a set of bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::ranges(data));

//! Programs and scripts for Windows with a signature in them.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::authenticode(data));

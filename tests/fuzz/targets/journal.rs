//! What an interrupted download left.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::journal(data));

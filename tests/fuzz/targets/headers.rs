//! Header fields of an answer.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::headers(data));

//! Lists of downloads in aria2's syntax.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::input_file(data));

//! Names that servers and URLs propose.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::disposition(data));

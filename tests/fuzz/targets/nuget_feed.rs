//! Entries of package feeds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| turbo_engine_fuzz::nuget_feed(data));

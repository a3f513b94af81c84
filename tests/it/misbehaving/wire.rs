//! How answers arrive: codings that nobody asked for, pauses, addresses,
//! cookies, malformed heads, proxies and the files that feed them.

// A silent address is a full queue, which Linux alone keeps silent about.
#[cfg(target_os = "linux")]
mod addresses;
mod codings;
mod heads;
mod inputs;
mod proxies;
mod waits;

use std::io::Write as _;

use serde_json::Value;

use crate::rig::{Run, data};

/// What events say, warnings among them, and standard error.
fn told(run: &Run) -> String {
    run.text() + &run.stderr
}

fn event_of<'a>(events: &'a [Value], kind: &str) -> Option<&'a Value> {
    events.iter().find(|event| event["event"] == kind)
}

/// Text that compresses, and differs everywhere.
fn text(bytes: usize) -> Vec<u8> {
    let mut text: Vec<u8> =
        (0_u64..).flat_map(|line| format!("line {line} of a text\n").into_bytes()).take(bytes).collect();
    text.extend_from_slice(&data::bytes(1024, 7));
    text
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// A brotli stream of stored bytes (RFC 7932 section 9.2), at most 64 KiB.
fn brotli(bytes: &[u8]) -> Vec<u8> {
    let head = (u32::try_from(bytes.len() - 1).expect("16 bits") << 4) | (1 << 20);
    [&head.to_le_bytes()[..3], bytes, &[3]].concat()
}

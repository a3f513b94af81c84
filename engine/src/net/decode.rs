//! Undoes the codings of a body while it arrives.
//!
//! The decoders pull; the network pushes. Between them lies a feed that says
//! `WouldBlock` when it is empty, which every decoder here passes on and goes
//! on from. The key invariant: no call produces more than the buffer it was
//! given, however much a few bytes expand to, and a body that ends before its
//! coding does is an error.

use std::io::{self, BufReader, ErrorKind, Read};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::FrameDecoder;

use crate::model::http::{Coding, Codings, MOST_CODINGS};

/// What is handed on at once.
const BUFFER_BYTES: usize = 64 << 10;
/// What a brotli decoder reads at once.
const BROTLI_BUFFER_BYTES: usize = 16 << 10;
/// The largest block of zstd with its headers, and some.
const ZSTD_INPUT_BYTES: usize = 160 << 10;
/// Expansion that no honest file shows: deflate ends at 1032, and what brotli
/// and zstd add to that is emptiness.
const MOST_EXPANSION: u64 = 1100;
/// So much may come of however little.
const FREE_BYTES: u64 = 64 << 20;

/// Why a body cannot be decoded.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    #[error("a coding that is not known here: {0}")]
    Unknown(String),
    #[error("more than {MOST_CODINGS} codings")]
    TooMany,
    #[error("bytes that are not in its coding: {0}")]
    Damaged(io::Error),
    #[error("an answer that expands more than {MOST_EXPANSION}-fold")]
    Bomb,
}

/// What a step came to.
pub(super) enum Step {
    /// These bytes.
    Bytes(Bytes),
    /// More input is needed first.
    Hungry,
    /// The coded body is complete.
    End,
    /// The input ended before the coded body did.
    Cut,
}

/// The decoder of one body.
pub(super) struct Decoder {
    feed: Feed,
    decoded: Box<dyn Read + Send>,
    buffer: Vec<u8>,
    fed: u64,
    given: u64,
}

impl Decoder {
    /// A decoder of these codings, the one applied last undone first.
    pub(super) fn new(codings: &Codings) -> Result<Self, DecodeError> {
        if codings.as_slice().len() > MOST_CODINGS {
            return Err(DecodeError::TooMany);
        }
        let feed = Feed::default();
        let mut decoded: Box<dyn Read + Send> = Box::new(feed.clone());
        for coding in codings.as_slice().iter().rev() {
            decoded = match coding {
                Coding::Gzip => Box::new(MultiGzDecoder::new(decoded)),
                Coding::Deflate => Box::new(Deflate::Undecided { input: Some(decoded), head: Vec::new() }),
                Coding::Brotli => Box::new(brotli_decompressor::Decompressor::new(decoded, BROTLI_BUFFER_BYTES)),
                Coding::Zstd => Box::new(Zstd::new(decoded)),
                Coding::Other(name) => return Err(DecodeError::Unknown(name.clone())),
            };
        }
        Ok(Self { feed, decoded, buffer: vec![0; BUFFER_BYTES], fed: 0, given: 0 })
    }

    /// Takes bytes as they came.
    pub(super) fn feed(&mut self, bytes: Bytes) {
        self.fed += bytes.len() as u64;
        self.feed.lock().bytes = bytes;
    }

    /// Takes the end of the input.
    pub(super) fn end(&mut self) {
        self.feed.lock().ended = true;
    }

    /// The next bytes, at most as many as the buffer holds.
    pub(super) fn step(&mut self) -> Result<Step, DecodeError> {
        let ended = self.feed.lock().ended;
        if self.fed == 0 {
            // No body at all, whatever it would have been.
            return Ok(if ended { Step::End } else { Step::Hungry });
        }
        match self.decoded.read(&mut self.buffer) {
            Ok(0) => Ok(Step::End),
            Ok(count) => {
                self.given += count as u64;
                if self.given > FREE_BYTES && self.given / MOST_EXPANSION > self.fed {
                    return Err(DecodeError::Bomb);
                }
                Ok(Step::Bytes(Bytes::copy_from_slice(&self.buffer[..count])))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::Hungry),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Step::Cut),
            // Brotli's decoder calls an end that comes too early wrong data.
            Err(_) if ended && self.feed.lock().bytes.is_empty() => Ok(Step::Cut),
            Err(error) => Err(DecodeError::Damaged(error)),
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("fed", &self.fed).field("given", &self.given).finish_non_exhaustive()
    }
}

/// Bytes between the network and the decoders.
#[derive(Debug, Clone, Default)]
struct Feed(Arc<Mutex<Fed>>);

#[derive(Debug, Default)]
struct Fed {
    bytes: Bytes,
    ended: bool,
}

impl Feed {
    fn lock(&self) -> MutexGuard<'_, Fed> {
        self.0.lock().expect("no panic while holding it")
    }
}

impl Read for Feed {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let mut fed = self.lock();
        if fed.bytes.is_empty() {
            return if fed.ended { Ok(0) } else { Err(ErrorKind::WouldBlock.into()) };
        }
        let count = fed.bytes.len().min(target.len());
        target[..count].copy_from_slice(&fed.bytes.split_to(count));
        Ok(count)
    }
}

type Input = Box<dyn Read + Send>;

/// `deflate`, which its first two bytes tell: the zlib format as RFC 9110
/// section 8.4.1.2 has it, or bare deflate as some servers do.
enum Deflate {
    Undecided { input: Option<Input>, head: Vec<u8> },
    Zlib(ZlibDecoder<BufReader<Headed>>),
    Bare(DeflateDecoder<BufReader<Headed>>),
}

type Headed = io::Chain<io::Cursor<Vec<u8>>, Input>;

impl Read for Deflate {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        if let Self::Undecided { input, head } = self {
            let reader = input.as_mut().expect("taken once, below");
            while head.len() < 2 {
                let mut byte = [0];
                match reader.read(&mut byte)? {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    _ => head.push(byte[0]),
                }
            }
            let is_zlib = head[0] & 0x0f == 8 && u16::from_be_bytes([head[0], head[1]]).is_multiple_of(31);
            let whole = io::Cursor::new(std::mem::take(head)).chain(input.take().expect("not taken yet"));
            let whole = BufReader::new(whole);
            *self = if is_zlib { Self::Zlib(ZlibDecoder::new(whole)) } else { Self::Bare(DeflateDecoder::new(whole)) };
        }
        match self {
            Self::Zlib(decoder) => decoder.read(target),
            Self::Bare(decoder) => decoder.read(target),
            Self::Undecided { .. } => Err(ErrorKind::InvalidData.into()),
        }
    }
}

/// Frames of zstd, one behind the other. Its own reader cannot be interrupted,
/// so whole blocks are collected first.
struct Zstd {
    input: Input,
    decoder: FrameDecoder,
    collected: Vec<u8>,
    ended: bool,
}

impl Zstd {
    fn new(input: Input) -> Self {
        Self { input, decoder: FrameDecoder::new(), collected: Vec::new(), ended: false }
    }

    fn collect(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 << 10];
        while !self.ended && self.collected.len() < ZSTD_INPUT_BYTES {
            let count = self.input.read(&mut piece)?;
            self.ended = count == 0;
            self.collected.extend_from_slice(&piece[..count]);
        }
        Ok(())
    }
}

impl Read for Zstd {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        loop {
            self.collect()?;
            let wrong = |error| {
                if self.ended { io::Error::other(error) } else { io::Error::new(ErrorKind::InvalidData, error) }
            };
            let (read, written) = self.decoder.decode_from_to(&self.collected, target).map_err(wrong)?;
            self.collected.drain(..read);
            if written > 0 {
                return Ok(written);
            }
            if read > 0 {
                continue;
            }
            match (self.decoder.is_finished(), self.collected.is_empty()) {
                (true, true) => return Ok(0),
                (true, false) => self.decoder = FrameDecoder::new(),
                (false, _) => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn codings(text: &str) -> Codings {
        Codings::of([text.as_bytes()])
    }

    /// Decodes what arrives in pieces of `piece` bytes; none for a body cut short.
    fn decode(text: &str, body: &[u8], piece: usize) -> Result<Option<Vec<u8>>, DecodeError> {
        let mut decoder = Decoder::new(&codings(text))?;
        let (mut pieces, mut out) = (body.chunks(piece.max(1)), Vec::new());
        loop {
            match decoder.step()? {
                Step::Bytes(bytes) => out.extend_from_slice(&bytes),
                Step::Hungry => match pieces.next() {
                    Some(piece) => decoder.feed(Bytes::copy_from_slice(piece)),
                    None => decoder.end(),
                },
                Step::End => return Ok(Some(out)),
                Step::Cut => return Ok(None),
            }
        }
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory")
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    /// A brotli stream of stored bytes (RFC 7932 section 9.2): no encoder is needed.
    fn brotli(bytes: &[u8]) -> Vec<u8> {
        assert!((1..=1 << 16).contains(&bytes.len()));
        // WBITS 16 (one bit 0), ISLAST 0, MNIBBLES 4 (00), MLEN-1 in 16 bits, ISUNCOMPRESSED 1.
        let head: u32 = u32::try_from(bytes.len() - 1).expect("16 bits") << 4 | 1 << 20;
        let mut out = head.to_le_bytes()[..3].to_vec();
        out.extend_from_slice(bytes);
        // ISLAST 1, ISLASTEMPTY 1.
        out.push(3);
        out
    }

    fn text() -> Vec<u8> {
        (0..20_000_u32).flat_map(|n| (n * n / 7).to_string().into_bytes()).take(60_000).collect()
    }

    #[test]
    fn every_coding_is_undone_however_it_arrives() {
        let text = text();
        let coded: [(&str, Vec<u8>); 8] = [
            ("gzip", gzip(&text)),
            ("x-gzip", [gzip(&text[..100]), gzip(&text[100..])].concat()),
            ("deflate", zlib(&text)),
            ("deflate", deflate(&text)),
            ("br", brotli(&text)),
            ("zstd", zstd(&text)),
            ("zstd", [zstd(&text[..100]), zstd(&text[100..])].concat()),
            ("gzip, br", brotli(&gzip(&text))),
        ];
        for (codings, body) in coded {
            for piece in [1, 777, usize::MAX] {
                let got =
                    decode(codings, &body, piece.min(body.len())).unwrap_or_else(|error| panic!("{codings}: {error}"));
                assert!(got.as_deref() == Some(&text[..]), "{codings} in pieces of {piece}");
            }
            for cut in [body.len() - 1, body.len() / 2, 3] {
                let got = decode(codings, &body[..cut], 500);
                assert!(!matches!(&got, Ok(Some(_))), "{codings} cut after {cut}");
            }
            assert_eq!(decode(codings, b"", 1).expect("nothing"), Some(Vec::new()), "{codings}");
        }
    }

    #[test]
    fn what_is_wrong_is_an_error() {
        assert!(matches!(decode("gzip", b"<html>no gzip at all</html>", 9), Err(DecodeError::Damaged(_))));
        let mut rotten = gzip(&text());
        let middle = rotten.len() / 2;
        rotten[middle] ^= 0xff;
        assert!(!matches!(decode("gzip", &rotten, 500), Ok(Some(_))));
        assert!(matches!(Decoder::new(&codings("compress")), Err(DecodeError::Unknown(_))));
        assert!(matches!(Decoder::new(&codings("gzip,gzip,gzip,gzip,gzip,gzip")), Err(DecodeError::TooMany)));
    }

    /// A gzip of a gzip of nothing but zeros expands a million-fold.
    #[test]
    fn a_bomb_is_refused() {
        let bomb = gzip(&gzip(&vec![0; 200 << 20]));
        let mut decoder = Decoder::new(&codings("gzip, gzip")).expect("known");
        decoder.feed(bomb.into());
        decoder.end();
        let mut given = 0;
        let error = loop {
            match decoder.step() {
                Ok(Step::Bytes(bytes)) => given += bytes.len() as u64,
                Ok(_) => panic!("it was taken"),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, DecodeError::Bomb) && given <= FREE_BYTES + (1 << 20), "{error} after {given}");
    }
}

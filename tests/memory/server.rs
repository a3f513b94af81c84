//! A server in the test's own process that allocates nothing once it runs:
//! what the allocator counts afterwards is the engine's alone.

use std::io::{self, Cursor, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Barrier};
use std::thread;

/// Longest head of a request.
const HEAD_BYTES: usize = 4096;
/// Threads that wait for a connection, each for one at a time.
const THREADS: usize = 80;

/// Serves files of any length whose content is one pattern again and again:
/// `/N` has N bytes. It runs until the process ends.
pub struct Server {
    address: SocketAddr,
}

impl Server {
    pub fn start(pattern: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free loopback port");
        let address = listener.local_addr().expect("a bound socket");
        let running = Arc::new(Barrier::new(THREADS + 1));
        for _ in 0..THREADS {
            let listener = listener.try_clone().expect("a spare file descriptor");
            let running = Arc::clone(&running);
            thread::spawn(move || {
                running.wait();
                serve(&listener, pattern);
            });
        }
        running.wait();
        Self { address }
    }

    /// The URL of the file with `bytes` bytes.
    pub fn url(&self, bytes: usize) -> String {
        format!("http://{}/{bytes}", self.address)
    }
}

fn serve(listener: &TcpListener, pattern: &[u8]) {
    loop {
        // A client that went away is no failure of the server's.
        let _ = listener.accept().and_then(|(socket, _)| converse(socket, pattern));
    }
}

fn converse(mut socket: TcpStream, pattern: &[u8]) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut head = [0; HEAD_BYTES];
    while let Some(request) = read_head(&mut socket, &mut head)? {
        answer(&mut socket, request, pattern)?;
    }
    Ok(())
}

/// Reads a request's head into `space`; none when the client has gone.
fn read_head<'a>(socket: &mut TcpStream, space: &'a mut [u8]) -> io::Result<Option<&'a str>> {
    let mut length = 0;
    while !space[..length].ends_with(b"\r\n\r\n") {
        match socket.read(&mut space[length..])? {
            0 => return Ok(None),
            count => length += count,
        }
    }
    Ok(std::str::from_utf8(&space[..length]).ok())
}

fn answer(socket: &mut TcpStream, request: &str, pattern: &[u8]) -> io::Result<()> {
    let size: u64 = between(request, "GET /", " ").and_then(|size| size.parse().ok()).unwrap_or(0);
    let range = between(request, "range: bytes=", "\r").and_then(|range| range.split_once('-'));
    let start = range.and_then(|(first, _)| first.parse().ok()).unwrap_or(0);
    let end = range.and_then(|(_, last)| last.parse().ok()).map_or(size, |last: u64| size.min(last + 1));
    let mut head = Cursor::new([0; 512]);
    match range {
        None => write!(head, "HTTP/1.1 200 OK\r\n")?,
        Some(_) => write!(
            head,
            "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {start}-{}/{size}\r\n",
            end.saturating_sub(1)
        )?,
    }
    write!(head, "ETag: \"{size}\"\r\nContent-Length: {}\r\n\r\n", end - start)?;
    let length = usize::try_from(head.position()).expect("a short head");
    socket.write_all(&head.get_ref()[..length])?;
    send(socket, start..end, pattern)
}

fn send(socket: &mut TcpStream, span: Range<u64>, pattern: &[u8]) -> io::Result<()> {
    let mut position = span.start;
    while position < span.end {
        let from = usize::try_from(position % pattern.len() as u64).expect("an index");
        let left = usize::try_from(span.end - position).unwrap_or(usize::MAX);
        let piece = &pattern[from..pattern.len().min(from.saturating_add(left))];
        socket.write_all(piece)?;
        position += piece.len() as u64;
    }
    Ok(())
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split(after).next()
}

//! The bytes between us and the server: a TCP or TLS stream of our own, which lettre then speaks over.
//!
//! Its own stream because lettre's leaves Nagle's algorithm on, cannot say which step hangs, and keeps what a server
//! sent in clear behind its STARTTLS reply as if it had come encrypted.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

/// A reply longer than this many bytes is no reply.
const LONGEST_REPLY: usize = 16 * 1024;

/// The greeting lettre is shown once the real one was read and found good.
const GREETING: &[u8] = b"220 ready\r\n";

/// A connection to a mail server, encrypted or not.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    peer: SocketAddr,
    /// Bytes to be read before those of the stream.
    unread: &'static [u8],
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A reply read before lettre takes over.
#[derive(Debug)]
pub(super) struct Reply {
    /// Three digits; 0 when the line did not begin with any.
    pub code: u16,
    /// The lines, without their codes.
    pub lines: Vec<String>,
}

impl Reply {
    /// The lines as one.
    pub fn text(&self) -> String {
        self.lines.join(" ")
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let code = text.get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0);
        let words = |line: &str| if code == 0 { line.to_owned() } else { line.get(4..).unwrap_or("").to_owned() };
        Self { code, lines: text.lines().map(words).collect() }
    }
}

impl Wire {
    pub fn plain(stream: TcpStream, peer: SocketAddr) -> Self {
        Self { stream: Stream::Plain(stream), peer, unread: &[] }
    }

    pub fn encrypted(stream: TlsStream<TcpStream>, peer: SocketAddr) -> Self {
        Self { stream: Stream::Tls(Box::new(stream)), peer, unread: &[] }
    }

    /// The bare TCP stream, to put TLS on; none when it is encrypted already.
    pub fn into_plain(self) -> Option<(TcpStream, SocketAddr)> {
        match self.stream {
            Stream::Plain(stream) => Some((stream, self.peer)),
            Stream::Tls(_) => None,
        }
    }

    /// Ready for lettre, which begins by reading a greeting.
    pub fn greeted(self) -> Self {
        Self { unread: GREETING, ..self }
    }

    /// Sends one command and reads its reply.
    pub async fn ask(&mut self, command: &str) -> io::Result<Reply> {
        self.write_all(format!("{command}\r\n").as_bytes()).await?;
        self.flush().await?;
        self.read_reply().await
    }

    /// Reads one reply, and not a byte more: what follows a STARTTLS reply must be TLS or fail as such.
    pub async fn read_reply(&mut self) -> io::Result<Reply> {
        let mut reply = Vec::new();
        let mut line_start = 0;
        while reply.len() < LONGEST_REPLY {
            reply.push(self.read_u8().await?);
            if reply.ends_with(b"\n") {
                if reply.get(line_start + 3) != Some(&b'-') {
                    return Ok(Reply::parse(&reply));
                }
                line_start = reply.len();
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "its answer has no end"))
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.unread.is_empty() {
            let (now, later) = self.unread.split_at(buf.remaining().min(self.unread.len()));
            buf.put_slice(now);
            self.unread = later;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let read = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        // lettre takes a reply that is not UTF-8 for a lost connection, and "250 zugestellt für" for Unknown.
        for byte in buf.filled_mut().iter_mut().skip(before).filter(|byte| !byte.is_ascii()) {
            *byte = b'?';
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

//! The bytes under a connection: a socket, or what a simulation puts in its place.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp;

/// A stream of bytes to a client and back.
pub(crate) enum Stream {
    /// A socket.
    Tcp(TcpStream),
    /// Two buffers.
    #[cfg(feature = "simulation")]
    Simulated(crate::simulation::ServerEnd),
}

/// The half that is read.
pub(crate) enum Reader<'a> {
    Tcp(tcp::ReadHalf<'a>),
    #[cfg(feature = "simulation")]
    Simulated(&'a crate::simulation::ServerEnd),
}

/// The half that is written.
pub(crate) enum Writer<'a> {
    Tcp(tcp::WriteHalf<'a>),
    #[cfg(feature = "simulation")]
    Simulated(&'a crate::simulation::ServerEnd),
}

impl Stream {
    /// Both halves at once.
    pub(crate) fn split(&mut self) -> (Reader<'_>, Writer<'_>) {
        match self {
            Self::Tcp(stream) => {
                let (reader, writer) = stream.split();
                (Reader::Tcp(reader), Writer::Tcp(writer))
            }
            #[cfg(feature = "simulation")]
            Self::Simulated(end) => (Reader::Simulated(end), Writer::Simulated(end)),
        }
    }

    /// Writes what is taken at once.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if that is nothing, and what the operating system says.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write_vectored(slices),
            #[cfg(feature = "simulation")]
            Self::Simulated(end) => end.try_write_vectored(slices),
        }
    }
}

impl Reader<'_> {
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(half) => Pin::new(half).poll_read(cx, read),
            #[cfg(feature = "simulation")]
            Self::Simulated(end) => end.poll_read(cx, read),
        }
    }
}

impl Writer<'_> {
    /// Waits until something may be taken. An error shows itself at the next write.
    pub(crate) async fn writable(&self) {
        match self {
            Self::Tcp(half) => drop(half.writable().await),
            #[cfg(feature = "simulation")]
            Self::Simulated(end) => end.writable().await,
        }
    }
}

//! The bytes under a connection: a socket, or what a simulation puts in its place.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;

/// A stream of bytes to a client and back.
pub(crate) enum Stream {
    /// A socket.
    Tcp(TcpStream),
    /// Two buffers.
    #[cfg(feature = "simulation")]
    Simulated(crate::simulation::ServerEnd),
}

impl Stream {
    /// Writes what is taken at once.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if that is nothing, and what the operating system says.
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match (self, slices) {
            // Nearly always there is one, and send(2) costs less than writev(2).
            (Self::Tcp(stream), [one]) => stream.try_write(one),
            (Self::Tcp(stream), _) => stream.try_write_vectored(slices),
            #[cfg(feature = "simulation")]
            (Self::Simulated(end), _) => end.try_write_vectored(slices),
        }
    }

    /// Reads what has come.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, read: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, read),
            #[cfg(feature = "simulation")]
            Self::Simulated(end) => end.poll_read(cx, read),
        }
    }

    /// Whether something may be taken. An error shows itself at the next write.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(cx).map(drop),
            #[cfg(feature = "simulation")]
            Self::Simulated(end) => end.poll_writable(cx),
        }
    }
}

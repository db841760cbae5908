//! Taking connections in.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};

use crate::admission::Refusal;
use crate::node::{Node, Phase};
use crate::stream::Stream;
use crate::{limits, metrics, peer};

/// Opens a listening socket.
///
/// # Errors
/// What the operating system says.
pub(crate) fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that starts again must not wait for the connections of its predecessor to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(limits::BACKLOG)
}

/// Takes connections in until the node ends.
pub(crate) async fn accept(node: Arc<Node>, listener: TcpListener) {
    let mut phase = node.phase.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = phase.wait_for(|phase| *phase > Phase::Serving) => return,
        };
        match accepted {
            Ok((stream, from)) => match node.admission.admit(from.ip()) {
                Ok(admitted) => {
                    metrics::connection_opened(node.admission.connections());
                    // A packet is written at once and whole; waiting for more would only delay it.
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(peer::serve(Arc::clone(&node), Stream::Tcp(stream), from.ip(), admitted));
                }
                // No framing is known yet in which to say why.
                Err(Refusal::Full) => metrics::connection_refused("full"),
                Err(Refusal::Strangers) => metrics::connection_refused("strangers"),
                Err(Refusal::AddressFull) => metrics::connection_refused("address"),
            },
            // One connection that failed before it was taken says nothing about the others; a lack of file
            // descriptors passes when some close.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

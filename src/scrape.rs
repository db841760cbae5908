//! The figures, as a Prometheus scrapes them: text over HTTP, on loopback.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How long one scrape may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often old samples of histograms are let go.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Starts to collect figures for the whole process, and listens at `addr`; the returned task serves them.
///
/// # Errors
/// What the operating system says about the address, or that the process collects figures already.
pub(crate) async fn start(addr: SocketAddr) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let listener = TcpListener::bind(addr).await?;
    let figures = PrometheusBuilder::new().install_recorder().map_err(io::Error::other)?;
    tracing::info!(addr = %listener.local_addr()?, "serving figures");
    Ok(serve(listener, figures))
}

async fn serve(listener: TcpListener, figures: PrometheusHandle) {
    let mut upkeep = tokio::time::interval(UPKEEP_EVERY);
    loop {
        tokio::select! {
            _ = upkeep.tick() => figures.run_upkeep(),
            accepted = listener.accept() => match accepted {
                // One after the other: who scrapes is alone, and somebody slow is cut off.
                Ok((stream, _)) => {
                    let _ = tokio::time::timeout(PATIENCE, answer(stream, &figures)).await;
                }
                Err(_) => tokio::time::sleep(PATIENCE / 10).await,
            },
        }
    }
}

async fn answer(mut stream: TcpStream, figures: &PrometheusHandle) -> io::Result<()> {
    // Whatever is asked, there is one thing to say; the head is read so that the answer does not come before it.
    let mut head = [0; 4096];
    let mut n = 0;
    while n < head.len() && !head.get(..n).unwrap_or_default().ends_with(b"\r\n\r\n") {
        match stream.read(head.get_mut(n..).unwrap_or_default()).await? {
            0 => return Ok(()),
            read => n += read,
        }
    }
    let body = figures.render();
    let response = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

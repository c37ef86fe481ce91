//! `gradd healthcheck`: one request, over TLS where the server speaks it, for images that have no curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::{any_certificate, load};

/// For connecting, and again for each read and write.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where the server is to be found.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Settings file of the server; also `GRADD_CONFIG`
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Speak TLS [default: where the settings name a certificate]
    #[arg(long)]
    tls: bool,
    /// Address that the server listens on [default: as the server finds it: file, `GRADD_LISTEN`, 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
}

/// Exit code 0 when `/healthz` answers 200.
pub fn run(arguments: Arguments) -> ExitCode {
    let flags = arguments.listen.map(|listen| ("listen", listen)).into_iter().collect();
    let settings = match load(arguments.config, flags) {
        Ok(settings) => settings,
        Err(code) => return code,
    };
    let address = reachable(settings.listen);
    match ask(address, arguments.tls || !settings.tls_certificate.as_os_str().is_empty()) {
        Ok(status) if status.split(' ').nth(1) == Some("200") => ExitCode::SUCCESS,
        Ok(status) => fail(format_args!("{address} answered {status:?}")),
        Err(error) => fail(format_args!("no answer from {address}: {error}")),
    }
}

fn fail(message: std::fmt::Arguments<'_>) -> ExitCode {
    eprintln!("gradd: {message}");
    ExitCode::FAILURE
}

/// One cannot connect to "every address"; a server that listens there also listens on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// The status line of the answer.
fn ask(address: SocketAddr, tls: bool) -> io::Result<String> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    if tls {
        answer(any_certificate::connect(stream, address.ip())?, address)
    } else {
        answer(stream, address)
    }
}

fn answer(mut stream: impl Read + Write, address: SocketAddr) -> io::Result<String> {
    write!(stream, "GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}

//! An MQTT broker inside the example's own process.
//!
//! The quickstart needs a broker and must run on a machine that has none. This starts one (crate `mqtt5`) on
//! a free port of 127.0.0.1, in memory, with no log output, and stops it when dropped. Clients reach it
//! through TCP like any other broker. It carries the reserved topics a Device Shadow uses (`$aws/things/…`),
//! which not every embeddable broker does.

use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use std::io;

use mqtt5::broker::config::{StorageBackend, StorageConfig};
use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker};
use tokio::runtime::Runtime;

/// How long [`Broker`] waits for its connections to end when it is dropped.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A running broker; it stops when this value is dropped.
pub(crate) struct Broker {
    address: SocketAddr,
    stop: BrokerShutdownHandle,
    runtime: Option<Runtime>,
}

impl Broker {
    /// Starts a broker on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// What the operating system says if the port can't be bound or the thread can't be started.
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts a broker on `address`; port 0 means any free one.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub(crate) fn start_at(address: SocketAddr) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("broker")
            .enable_all()
            .build()?;
        let mut broker = runtime
            .block_on(MqttBroker::with_config(config(address)))
            .map_err(io::Error::other)?;
        let address = broker.local_addr().unwrap_or(address);
        let stop = broker.shutdown_handle();
        // The listener is bound already: a client that connects before `run` accepts waits in its queue.
        runtime.spawn(async move { broker.run().await });
        Ok(Self {
            address,
            stop,
            runtime: Some(runtime),
        })
    }

    /// Returns where clients connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.shutdown();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(STOP_TIMEOUT);
        }
    }
}

/// Everything in memory: the broker's default writes sessions to a directory and listens on every interface.
fn config(address: SocketAddr) -> BrokerConfig {
    BrokerConfig {
        storage_config: StorageConfig {
            backend: StorageBackend::Memory,
            ..StorageConfig::default()
        },
        sys_topics_enabled: false,
        ..BrokerConfig::default()
    }
    .with_bind_address(address)
}

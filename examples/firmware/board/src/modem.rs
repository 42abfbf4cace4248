//! The UART as a transparent modem: bytes in, bytes out, no commands, no sign of a lost connection.

use core::convert::Infallible;
use core::future::poll_fn;
use core::task::Poll;

use embedded_io_async::{ErrorType, Read, ReadReady, Write};

use crate::line;

/// The line to the other end of QEMU's character device, such as a broker's socket.
///
/// Neither direction fails: a line that nobody holds at the other end swallows what is sent and brings
/// nothing. Who must know asks the other end, as MQTT does with its keep-alive.
#[derive(Debug)]
pub struct Modem(());

impl Modem {
    /// Switches the line on.
    pub fn start() -> Self {
        line::start();
        Self(())
    }

    /// Forgets what came and was not read: the rest of a conversation that is over.
    pub fn discard(&mut self) {
        while line::receive(&mut [0; 16]) > 0 {}
    }
}

impl ErrorType for Modem {
    type Error = Infallible;
}

impl Read for Modem {
    /// Waits for at least one byte. Dropping the future early loses none.
    async fn read(&mut self, place: &mut [u8]) -> Result<usize, Infallible> {
        if place.is_empty() {
            return Ok(0);
        }
        poll_fn(|context| {
            // First the waker, then the look: a byte in between is not overlooked.
            line::wake(context.waker());
            match line::receive(place) {
                0 => Poll::Pending,
                len => Poll::Ready(Ok(len)),
            }
        })
        .await
    }
}

impl ReadReady for Modem {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(line::has_received())
    }
}

impl Write for Modem {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            line::send(*byte);
        }
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

//! What an endpoint is told when it is made.

use crate::time::Duration;

/// The constants of the protocol, and what they leave open; fixed for the endpoint's life.
///
/// ```
/// use twinsync::adapter::coap::endpoint::Config;
/// use twinsync::time::Duration;
///
/// let config = Config::new(0x5EED);
/// assert_eq!(config.exchange_lifetime(), Duration::from_secs(247));
///
/// // A link whose round trips take seconds.
/// let slow = config.with_ack_timeout(Duration::from_secs(10), 150).with_max_retransmit(3);
/// assert_eq!(slow.max_transmit_wait(), Duration::from_secs(225));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Config {
    pub(super) seed: u64,
    /// `ACK_TIMEOUT`, and how much longer `ACK_RANDOM_FACTOR` may make it; milliseconds.
    pub(super) ack_timeout: u32,
    pub(super) ack_spread: u32,
    pub(super) max_retransmit: u8,
    pub(super) nstart: u8,
    pub(super) max_latency: Duration,
    pub(super) processing_delay: Duration,
    pub(super) response_timeout: Duration,
    pub(super) acknowledge_after: Duration,
    pub(super) confirm_every: u8,
    pub(super) confirm_after: Duration,
}

impl Config {
    /// The constants of RFC 7252 §4.8; responses awaited 145 s, requests acknowledged after 1 s if the
    /// answer takes longer, every notification confirmable.
    ///
    /// The seed starts message ids and tokens and spreads time-outs. **It must differ from start to start
    /// and should come from a source of true randomness**: tokens are all that keeps someone who can not
    /// listen from forging a response, as long as there is no DTLS (RFC 7252 §5.3.1, §11.4), and a message
    /// id that was used a minute ago makes a request look like a duplicate (§4.4).
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            ack_timeout: 2_000,
            ack_spread: 1_000,
            max_retransmit: 4,
            nstart: 1,
            max_latency: Duration::from_secs(100),
            processing_delay: Duration::from_secs(2),
            response_timeout: Duration::from_secs(145),
            acknowledge_after: Duration::from_secs(1),
            confirm_every: 1,
            confirm_after: Duration::from_secs(86_400),
        }
    }

    /// `ACK_TIMEOUT`, at most ten minutes, and `ACK_RANDOM_FACTOR` in percent, 100 to 400: the first
    /// time-out is between the one and their product (2 s, 150 %).
    pub const fn with_ack_timeout(mut self, timeout: Duration, random_percent: u16) -> Self {
        let millis = timeout.as_millis();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "what is cut off was compared before"
        )]
        let bounded = if millis > 600_000 {
            600_000
        } else {
            millis as u32
        };
        self.ack_timeout = bounded;
        let more = random_percent.saturating_sub(100);
        let more = if more > 300 { 300 } else { more };
        self.ack_spread = self.ack_timeout.saturating_mul(more as u32) / 100;
        self
    }

    /// `MAX_RETRANSMIT`: how often a confirmable message is sent again, at most 10 (4).
    pub const fn with_max_retransmit(mut self, times: u8) -> Self {
        self.max_retransmit = if times > 10 { 10 } else { times };
        self
    }

    /// `NSTART`: how many interactions with one peer may be outstanding, at least 1 (1, RFC 7252 §4.7).
    /// Each role counts its own.
    pub const fn with_nstart(mut self, count: u8) -> Self {
        self.nstart = if count == 0 { 1 } else { count };
        self
    }

    /// `MAX_LATENCY`: how long a datagram may be on its way (100 s).
    pub const fn with_max_latency(mut self, latency: Duration) -> Self {
        self.max_latency = latency;
        self
    }

    /// `PROCESSING_DELAY`: how long a peer takes to acknowledge (2 s).
    pub const fn with_processing_delay(mut self, delay: Duration) -> Self {
        self.processing_delay = delay;
        self
    }

    /// How long a response is awaited after the request was acknowledged, or sent without asking for that
    /// (`NON_LIFETIME`, 145 s: the response may itself be sent again and again).
    pub const fn with_response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How long a confirmable request waits for its response before it is acknowledged without one
    /// (1 s: half of the asker's `ACK_TIMEOUT`).
    pub const fn with_acknowledge_after(mut self, delay: Duration) -> Self {
        self.acknowledge_after = delay;
        self
    }

    /// Which notifications are confirmable: every `every`-th (1: all of them; 0: none for this reason), and
    /// the first after `after` (24 h, which RFC 7641 §4.5 asks for).
    ///
    /// A notification that is not confirmable and gets lost leaves its observer behind until the next
    /// one, or until it registers again.
    pub const fn with_confirmation(mut self, every: u8, after: Duration) -> Self {
        self.confirm_every = every;
        self.confirm_after = after;
        self
    }

    /// `MAX_TRANSMIT_SPAN`: from the first transmission of a confirmable message to its last (45 s).
    pub const fn max_transmit_span(&self) -> Duration {
        self.spans(self.max_retransmit)
    }

    /// `MAX_TRANSMIT_WAIT`: from the first transmission of a confirmable message to giving it up (93 s).
    pub const fn max_transmit_wait(&self) -> Duration {
        self.spans(self.max_retransmit.saturating_add(1))
    }

    /// `EXCHANGE_LIFETIME`: for how long a confirmable message may show up again (247 s).
    pub const fn exchange_lifetime(&self) -> Duration {
        let latency = self.max_latency.as_millis();
        let rest = latency
            .saturating_add(latency)
            .saturating_add(self.processing_delay.as_millis());
        Duration::from_millis(self.max_transmit_span().as_millis().saturating_add(rest))
    }

    /// `NON_LIFETIME`: for how long a non-confirmable message may show up again (145 s).
    pub const fn non_lifetime(&self) -> Duration {
        let span = self.max_transmit_span().as_millis();
        Duration::from_millis(span.saturating_add(self.max_latency.as_millis()))
    }

    /// The longest sum of the first `count` waits.
    const fn spans(&self, count: u8) -> Duration {
        let longest = self.ack_timeout.saturating_add(self.ack_spread);
        let factor = 1_u32.wrapping_shl(count as u32).wrapping_sub(1);
        Duration::from_millis(longest.saturating_mul(factor) as u64)
    }
}

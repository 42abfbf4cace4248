//! Time, as a board tells it.

use twinsync::time::Instant;

/// A board's clock, and a way to wait for it.
///
/// A super-loop waits by sleeping until the next interrupt, an executor by a timer of its own.
#[allow(async_fn_in_trait, reason = "firmware awaits it in place, on one core")]
pub trait Clock {
    /// Returns the time since the board was switched on.
    fn now(&self) -> Instant;

    /// Waits until `due`, or not at all if that has passed.
    ///
    /// Dropping the future early is allowed: that is how a wait for either time or bytes ends.
    async fn wait_until(&self, due: Instant);
}

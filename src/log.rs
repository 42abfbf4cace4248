//! Log lines through `defmt`, `log`, both or nothing: a private shim, so that no room cares.
//!
//! Both features may be on at once; each then gets the line. Without either, the arguments are
//! type-checked and dropped.

#[allow(unused_macros, reason = "rooms that log come and go")]
macro_rules! debug {
    ($($arg:tt)*) => {{
        #[cfg(feature = "defmt")]
        defmt::debug!($($arg)*);
        #[cfg(feature = "log")]
        log::debug!($($arg)*);
        #[cfg(not(any(feature = "defmt", feature = "log")))]
        { let _ = core::format_args!($($arg)*); }
    }};
}

#[allow(unused_imports, reason = "rooms that log come and go")]
pub(crate) use debug;

//! Log lines through `defmt`, or nowhere: firmware formats no text itself.

macro_rules! debug {
    ($text:literal $(, $arg:expr)*) => {{
        #[cfg(feature = "defmt")]
        defmt::debug!($text $(, $arg)*);
        #[cfg(not(feature = "defmt"))]
        { $(let _ = &$arg;)* }
    }};
}

macro_rules! info {
    ($text:literal $(, $arg:expr)*) => {{
        #[cfg(feature = "defmt")]
        defmt::info!($text $(, $arg)*);
        #[cfg(not(feature = "defmt"))]
        { $(let _ = &$arg;)* }
    }};
}

macro_rules! warning {
    ($text:literal $(, $arg:expr)*) => {{
        #[cfg(feature = "defmt")]
        defmt::warn!($text $(, $arg)*);
        #[cfg(not(feature = "defmt"))]
        { $(let _ = &$arg;)* }
    }};
}

pub(crate) use {debug, info, warning};

//! What two uses of the condition language decide differently.

/// How conditions are checked and compared: one value for what the uses of the language decide
/// differently, and for what the public documents leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dialect {
    pub(super) routing: bool,
    pub(super) mixed_undefined: bool,
}

impl Dialect {
    /// Conditions on twins: the type of what a path leads to is not known before evaluation; a condition
    /// without text is an error.
    pub const TWIN: Self = Self {
        routing: false,
        mixed_undefined: false,
    };

    /// Conditions of message routing: properties of a message are text, so that comparing one with a
    /// number is an error of the text; what stands under `$body` has any type; the empty condition is
    /// undefined.
    pub const ROUTING: Self = Self {
        routing: true,
        mixed_undefined: false,
    };

    /// Decides whether `=` and `!=` of values of different types are undefined, instead of false and true.
    ///
    /// Message bodies have false and true; for twins the documents do not say.
    #[must_use]
    pub const fn with_mixed_undefined(mut self, undefined: bool) -> Self {
        self.mixed_undefined = undefined;
        self
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::TWIN
    }
}

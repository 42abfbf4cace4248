//! serde-json-core with a struct, as a competent user writes it: patches are structs of options.
//!
//! `T` is the type of two of the leaves: `i32`, or `f32` to see what that costs.

use serde::{Deserialize, Serialize};

use crate::Text;
use crate::settings::{Alarm, Display, Network, State};

/// Makes a struct of options from one of values, with its three operations.
macro_rules! patch {
    ($name:ident, $whole:ident, [$($leaf:ident: $kind:ty),*], [$($nested:ident: $patch:ty),*]) => {
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub struct $name<T> {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $leaf: Option<$kind>,)*
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $nested: Option<$patch>,)*
        }

        impl<T> Default for $name<T> {
            fn default() -> Self {
                Self { $($leaf: None,)* $($nested: None,)* }
            }
        }

        impl<T: Clone + PartialEq> $name<T> {
            /// Puts what is there into `whole`.
            pub fn apply(&self, whole: &mut $whole<T>) {
                $(if let Some(value) = &self.$leaf { whole.$leaf.clone_from(value); })*
                $(if let Some(patch) = &self.$nested { patch.apply(&mut whole.$nested); })*
            }

            /// What of `desired` differs in `reported`.
            pub fn delta(desired: &$whole<T>, reported: &$whole<T>) -> Option<Self> {
                let mut patch = Self::default();
                let mut any = false;
                $(if desired.$leaf != reported.$leaf {
                    patch.$leaf = Some(desired.$leaf.clone());
                    any = true;
                })*
                $(
                    patch.$nested = <$patch>::delta(&desired.$nested, &reported.$nested);
                    any |= patch.$nested.is_some();
                )*
                any.then_some(patch)
            }
        }
    };
}

/// A struct without a `T` has patches of one that they ignore.
macro_rules! plain {
    ($name:ident, $whole:ident, [$($leaf:ident: $kind:ty),*]) => {
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        pub struct $name {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $leaf: Option<$kind>,)*
        }

        impl $name {
            pub fn apply(&self, whole: &mut $whole) {
                $(if let Some(value) = &self.$leaf { whole.$leaf.clone_from(value); })*
            }

            pub fn delta(desired: &$whole, reported: &$whole) -> Option<Self> {
                let mut patch = Self::default();
                let mut any = false;
                $(if desired.$leaf != reported.$leaf {
                    patch.$leaf = Some(desired.$leaf.clone());
                    any = true;
                })*
                any.then_some(patch)
            }
        }
    };
}

plain!(DisplayPatch, Display, [brightness: i32, language: Text<8>]);
plain!(NetworkPatch, Network, [ssid: Text<32>, period: i32]);
patch!(AlarmPatch, Alarm, [low: i32, high: T, armed: bool], []);
patch!(
    Patch,
    State,
    [
        firmware: Text<16>,
        serial: Text<16>,
        on: bool,
        mode: Text<8>,
        target: T,
        battery: i32,
        rssi: i32,
        uptime: i32,
        note: Text<32>
    ],
    [alarm: AlarmPatch<T>, display: DisplayPatch, network: NetworkPatch]
);

/// A message of AWS; what it says besides is skipped.
#[derive(Debug, Deserialize)]
pub struct Message<'a, S> {
    pub version: u32,
    pub state: S,
    #[serde(rename = "clientToken")]
    pub client_token: Option<&'a str>,
}

#[derive(Debug, Serialize)]
pub struct Update<'a, S> {
    pub state: Reported<S>,
    #[serde(rename = "clientToken")]
    pub client_token: &'a str,
}

#[derive(Debug, Serialize)]
pub struct Reported<S> {
    pub reported: S,
}

/// Writes what a device reports.
pub fn report<S: Serialize>(reported: S, client_token: &str, out: &mut [u8]) -> Option<usize> {
    let update = Update {
        state: Reported { reported },
        client_token,
    };
    serde_json_core::to_slice(&update, out).ok()
}

/// A delta message from its bytes to the report of what it changed; stale ones are passed over.
pub fn handle<T>(
    payload: &[u8],
    state: &mut State<T>,
    version: &mut u32,
    out: &mut [u8],
) -> Option<usize>
where
    T: Clone + PartialEq + Default + Serialize + for<'de> Deserialize<'de>,
{
    let (message, _) = serde_json_core::from_slice::<Message<'_, Patch<T>>>(payload).ok()?;
    if message.version <= *version {
        return None;
    }
    *version = message.version;
    message.state.apply(state);
    report(&message.state, "00000008", out)
}

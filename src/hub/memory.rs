//! Twins in memory.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::convert::Infallible;
use core::ops::Bound;

use super::registry::Registry;
use super::usage::Usage;
use crate::protocol::TwinId;
use crate::time::{Instant, Timestamp};
use crate::twin::TwinRef;

/// A registry in memory: each twin is one allocation of exactly its bytes, and one for its id.
///
/// Cost: load and save take logarithmic time in the number of twins; save allocates if the length of
/// the twin's record changed. Tombstones stay until [`InMemory::forget_deleted`]: a service calls it
/// now and then, for what is older than its policy's tombstone time.
#[derive(Clone, Debug, Default)]
pub struct InMemory {
    twins: BTreeMap<Box<[u8]>, Box<[u8]>>,
    devices: BTreeMap<Box<str>, Usage>,
    /// At how many devices the idle ones are forgotten.
    sweep_at: usize,
}

/// Longest key: a device, a separator that no id holds, a name.
const MAX_KEY: usize = TwinId::MAX + 1 + TwinId::MAX;
const SEPARATOR: u8 = b'/';

impl InMemory {
    /// Makes a registry without twins.
    pub const fn new() -> Self {
        Self {
            twins: BTreeMap::new(),
            devices: BTreeMap::new(),
            sweep_at: 0,
        }
    }

    /// Returns the twin or its tombstone. Cost: logarithmic.
    pub fn twin(&self, id: TwinId<'_>) -> Option<TwinRef<'_>> {
        let body = self.twins.get(key(id).as_slice())?;
        Some(TwinRef::trusted_body(body))
    }

    /// Returns all twins and tombstones with their ids, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (TwinId<'_>, TwinRef<'_>)> {
        self.twins
            .iter()
            .filter_map(|(key, body)| Some((id_of(key)?, TwinRef::trusted_body(body))))
    }

    /// Returns the twins and tombstones whose ids come after one in text (`device` or `device/name`), in
    /// the order of the ids; an empty text is before all. Cost: logarithmic, then one step each.
    pub fn iter_after(&self, id: &str) -> impl Iterator<Item = (TwinId<'_>, TwinRef<'_>)> {
        let after = (Bound::Excluded(id.as_bytes()), Bound::Unbounded);
        self.twins
            .range::<[u8], _>(after)
            .filter_map(|(key, body)| Some((id_of(key)?, TwinRef::trusted_body(body))))
    }

    /// Returns how many twins and tombstones there are.
    pub fn len(&self) -> usize {
        self.twins.len()
    }

    /// Returns whether there is neither twin nor tombstone.
    pub fn is_empty(&self) -> bool {
        self.twins.is_empty()
    }

    /// Returns how many devices' usage is remembered.
    #[cfg(test)]
    pub(super) fn devices(&self) -> usize {
        self.devices.len()
    }

    /// Forgets a twin or its tombstone at once, and says whether there was one. To delete a twin so
    /// that its version goes on, ask the hub.
    pub fn remove(&mut self, id: TwinId<'_>) -> bool {
        self.twins.remove(key(id).as_slice()).is_some()
    }

    /// Forgets the tombstones of twins that were deleted before `before`. Cost: linear.
    pub fn forget_deleted(&mut self, before: Timestamp) {
        self.twins.retain(|_, body| {
            let head = TwinRef::trusted_body(body).head();
            head.exists || head.updated_at >= before
        });
    }
}

impl Registry for InMemory {
    type Error = Infallible;

    fn load(&mut self, id: TwinId<'_>) -> Result<Option<TwinRef<'_>>, Infallible> {
        Ok(self.twin(id))
    }

    fn save(&mut self, id: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), Infallible> {
        let key = key(id);
        let len = twin.body_len();
        match self.twins.get_mut(key.as_slice()) {
            Some(body) if body.len() == len => {
                let _ = twin.write_body(body);
            }
            Some(body) => *body = boxed(twin, len),
            None => {
                self.twins.insert(key.as_slice().into(), boxed(twin, len));
            }
        }
        Ok(())
    }

    fn usage(&mut self, device: &str, now: Instant) -> Option<&mut Usage> {
        if !self.devices.contains_key(device) {
            if self.devices.len() >= self.sweep_at {
                self.devices.retain(|_, usage| !usage.is_idle(now));
                self.sweep_at = self.devices.len().saturating_mul(2).max(64);
            }
            self.devices.insert(device.into(), Usage::new());
        }
        self.devices.get_mut(device)
    }
}

fn boxed(twin: TwinRef<'_>, len: usize) -> Box<[u8]> {
    let mut body = alloc::vec![0; len].into_boxed_slice();
    let _ = twin.write_body(&mut body);
    body
}

fn key(id: TwinId<'_>) -> heapless::Vec<u8, MAX_KEY> {
    let mut key = heapless::Vec::new();
    let _ = key.extend_from_slice(id.device().as_bytes());
    if let Some(name) = id.name() {
        let _ = key.push(SEPARATOR);
        let _ = key.extend_from_slice(name.as_bytes());
    }
    key
}

fn id_of(key: &[u8]) -> Option<TwinId<'_>> {
    let key = core::str::from_utf8(key).ok()?;
    let (device, name) = match key.split_once('/') {
        Some((device, name)) => (device, Some(name)),
        None => (key, None),
    };
    TwinId::new(device, name).ok()
}

#[cfg(feature = "defmt")]
impl defmt::Format for InMemory {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} twins", self.len());
    }
}

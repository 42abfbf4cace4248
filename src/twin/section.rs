//! The sections of a twin, and who they belong to.

/// A part of a twin with an owner of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Section {
    /// What the service wants; the device reads it.
    Desired,
    /// What the device says.
    Reported,
    /// Labels of the service that the device never sees.
    Tags,
}

impl Section {
    /// All sections, in the order of their keys.
    pub const ALL: [Self; 3] = [Self::Tags, Self::Desired, Self::Reported];

    /// Returns the section's key in a twin's document.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Desired => "desired",
            Self::Reported => "reported",
            Self::Tags => "tags",
        }
    }

    /// Returns the section with this key.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|section| section.key() == key)
    }
}

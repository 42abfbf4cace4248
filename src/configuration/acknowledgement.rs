//! What a device says about a leaf that it was asked to change: which value is in force, and how it went.

use crate::document::{BuildError, Builder, DocumentMut, DocumentRef, Value};
use crate::twin::Version;

/// The member that marks an object as a component of IoT Plug and Play.
pub const MARK: &str = "__t";
/// What it says.
pub const COMPONENT: &str = "c";

const VALUE: &str = "value";
const CODE: &str = "ac";
const VERSION: &str = "av";
const DESCRIPTION: &str = "ad";

/// What a device says about a leaf, or property, that it was asked to change, besides the value in force.
///
/// ```
/// use twinsync::configuration::{Acknowledgement, Code, Shape, says};
/// use twinsync::document::Document;
/// use twinsync::twin::Version;
///
/// let refused = Acknowledgement::new(Code::Bad, Version::new(7)).with_description("above 30");
/// let mut patch = Document::<128>::new();
/// // 21 stays in force.
/// refused.write(&["target"], 21.into(), Shape::PLAIN, patch.as_mut())?;
/// assert_eq!(patch.read::<u8>(&["target"])?, 21);
/// assert_eq!(patch.read::<u16>(&["configStatus", "target", "ac"])?, 400);
///
/// let done = Acknowledgement::new(Code::Done, Version::new(8));
/// done.write(&["target"], 22.into(), Shape::PlugAndPlay, patch.as_mut())?;
/// assert_eq!(patch.read::<u8>(&["target", "value"])?, 22);
/// let mut wanted = Document::<16>::new();
/// wanted.set(&["target"], 22)?;
/// let target = wanted.at(&["target"]).ok_or("is desired")?;
/// assert!(says(patch.as_ref(), &["target"], target));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Acknowledgement<'a> {
    /// `ac`, how it went.
    pub code: Code,
    /// `av`, the version of desired that asked; 0 where nobody has.
    pub version: Version,
    /// `ad`, words for people.
    pub description: Option<&'a str>,
}

/// How it went, as a status of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Code {
    /// 200: the value is in force.
    Done,
    /// 202: the device is about to put it into force.
    InProgress,
    /// 203: the device has set it by itself, before anyone asked.
    ByDevice,
    /// 400: the value is bad; another one is in force.
    Bad,
    /// 500: it failed; another one is in force.
    Failed,
    /// Any other status.
    Other(u16),
}

/// Where an acknowledgement stands in reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Shape {
    /// The value at its own path, the rest at the same path under another key:
    /// `{"target":21,"configStatus":{"target":{"ac":200,"av":7}}}`.
    Plain {
        /// That key.
        under: &'static str,
    },
    /// All of it at the path: `{"target":{"value":21,"ac":200,"av":7}}`, the convention of IoT Plug and Play
    /// for writable properties.
    PlugAndPlay,
}

impl Shape {
    /// The plain shape, with `configStatus`.
    pub const PLAIN: Self = Self::Plain {
        under: "configStatus",
    };
}

impl Code {
    /// Returns the status as a number.
    pub const fn as_u16(self) -> u16 {
        match self {
            Self::Done => 200,
            Self::InProgress => 202,
            Self::ByDevice => 203,
            Self::Bad => 400,
            Self::Failed => 500,
            Self::Other(code) => code,
        }
    }

    /// Returns whether it says that the value is in force: any status of success but *in progress*.
    pub const fn is_success(self) -> bool {
        matches!(self.as_u16(), 200..=299) && !matches!(self.as_u16(), 202)
    }
}

impl From<u16> for Code {
    fn from(code: u16) -> Self {
        match code {
            200 => Self::Done,
            202 => Self::InProgress,
            203 => Self::ByDevice,
            400 => Self::Bad,
            500 => Self::Failed,
            other => Self::Other(other),
        }
    }
}

impl<'a> Acknowledgement<'a> {
    /// Takes how it went and the version of desired that asked.
    pub const fn new(code: Code, version: Version) -> Self {
        Self {
            code,
            version,
            description: None,
        }
    }

    /// The same with words for people.
    #[must_use]
    pub const fn with_description(mut self, description: &'a str) -> Self {
        self.description = Some(description);
        self
    }

    /// Writes the patch of reported with this acknowledgement alone; `value` is the value in force, null if
    /// there is none.
    ///
    /// In the shape of Plug and Play, `path` is a property, or a component and its property, which is marked.
    /// A patch leaves the words of the acknowledgement before behind, and old members of an object; where
    /// that matters, [`answer`](Self::answer) and `DeviceEngine::report_value` replace the property.
    ///
    /// # Errors
    /// [`BuildError`] if it does not fit, is nested too deep, or a key is too long; `out` is then `{}`.
    pub fn write(
        &self,
        path: &[&str],
        value: Value<'_>,
        shape: Shape,
        out: DocumentMut<'_>,
    ) -> Result<(), BuildError> {
        let mut builder = out.build();
        builder.begin_map()?;
        match shape {
            Shape::Plain { under } => {
                nested(&mut builder, path, false, |builder| builder.value(value))?;
                builder.key(under)?;
                builder.begin_map()?;
                nested(&mut builder, path, false, |builder| {
                    builder.begin_map()?;
                    self.members(builder)
                })?;
                builder.end()?;
            }
            Shape::PlugAndPlay => nested(&mut builder, path, true, |builder| {
                self.build(value, builder)
            })?,
        }
        builder.end()?;
        builder.finish()
    }

    /// Writes what stands in reported at a property in the shape of Plug and Play: `out` becomes
    /// `{"value":…,"ac":…,"av":…}`, with `ad` if there is a description. `value` is the value in force.
    ///
    /// # Errors
    /// [`BuildError`] if it does not fit or is nested too deep; `out` is then `{}`.
    pub fn answer(&self, value: Value<'_>, out: DocumentMut<'_>) -> Result<(), BuildError> {
        let mut builder = out.build();
        self.build(value, &mut builder)?;
        builder.finish()
    }

    fn build(&self, value: Value<'_>, builder: &mut Builder<'_>) -> Result<(), BuildError> {
        builder.begin_map()?;
        builder.key(VALUE)?;
        builder.value(value)?;
        self.members(builder)
    }

    /// The members besides the value, and the end of the map.
    fn members(&self, builder: &mut Builder<'_>) -> Result<(), BuildError> {
        builder.key(CODE)?;
        builder.value(self.code.as_u16())?;
        builder.key(VERSION)?;
        // Nobody counts that far.
        builder.value(i64::try_from(self.version.as_u64()).unwrap_or(i64::MAX))?;
        if let Some(description) = self.description {
            builder.key(DESCRIPTION)?;
            builder.value(description)?;
        }
        builder.end()
    }

    /// Reads an acknowledgement in the shape of Plug and Play and the value in force; nothing if `value` is
    /// none: an object with `value`, `ac` and `av`.
    pub fn read(value: Value<'a>) -> Option<(Value<'a>, Self)> {
        let map = value.as_map()?;
        Some((map.value(VALUE)?, Self::from_members(value)?))
    }

    /// Reads the acknowledgement of the leaf, or property, at `path` of reported; nothing if there is none.
    pub fn of(reported: DocumentRef<'a>, path: &[&str], shape: Shape) -> Option<Self> {
        match shape {
            Shape::Plain { under } => {
                let below = reported.at(&[under])?;
                Self::from_members(below.value(path)?)
            }
            Shape::PlugAndPlay => Some(Self::read(reported.value(path)?)?.1),
        }
    }

    fn from_members(value: Value<'a>) -> Option<Self> {
        let map = value.as_map()?;
        let code: u16 = map.value(CODE)?.read().ok()?;
        let version = u64::try_from(map.value(VERSION)?.as_i64()?).ok()?;
        Some(Self {
            code: code.into(),
            version: Version::new(version),
            description: map.value(DESCRIPTION).and_then(Value::as_str),
        })
    }
}

/// Writes the maps around the last key of `path`, which `write` then writes the value of.
fn nested(
    builder: &mut Builder<'_>,
    path: &[&str],
    marked: bool,
    write: impl FnOnce(&mut Builder<'_>) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    let Some((last, above)) = path.split_last() else {
        return Ok(());
    };
    for key in above {
        builder.key(key)?;
        builder.begin_map()?;
        if marked {
            builder.key(MARK)?;
            builder.value(COMPONENT)?;
        }
    }
    builder.key(last)?;
    write(builder)?;
    for _ in above {
        builder.end()?;
    }
    Ok(())
}

/// Says whether `reported` says at `path` what `wanted`, a leaf of desired, asks for.
///
/// It does with the value itself, or a successful [`Acknowledgement`] of it in the shape of Plug and Play, there
/// or above. The mark of a component asks for nothing.
///
/// Hand it to a device engine (`Config::with_acks(Acks::new(says))`) that acknowledges in that shape.
pub fn says(reported: DocumentRef<'_>, path: &[&str], wanted: DocumentRef<'_>) -> bool {
    if path.last() == Some(&MARK) {
        return true;
    }
    match in_force(reported, path) {
        Some((_, Some(code))) if !code.is_success() => false,
        Some((here, _)) => here == wanted || (wanted.is_empty() && here.is_map()),
        None => false,
    }
}

/// The value that reported says is in force at `path`, and the code of the acknowledgement that it stands in.
pub(super) fn in_force<'a>(
    reported: DocumentRef<'a>,
    path: &[&str],
) -> Option<(DocumentRef<'a>, Option<Code>)> {
    let mut here = reported;
    let mut code = None;
    for key in path {
        here = here.at(&[key])?;
        if code.is_none()
            && let Some((_, acknowledgement)) = Acknowledgement::read(here.root())
        {
            code = Some(acknowledgement.code);
            here = here.at(&[VALUE])?;
        }
    }
    Some((here, code))
}

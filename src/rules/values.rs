//! Rules on the leaves of desired: a table, and what it says of a document.

use core::fmt;

use super::check::{Breach, Check};
use super::condition::Condition;
use super::machine::MAX_REASON;
use super::sound::is_reason;
use crate::document::{DocumentRef, MAX_DEPTH, MAX_KEY};

/// A step of a rule's path that stands for any key: `["zones", ANY, "target"]` is the target of each zone.
pub const ANY: &str = "*";

/// Most rules of a table.
pub const MAX_RULES: usize = 255;

/// Most keys of a rule's path: with the key for errors in front it is as deep as a section may be.
const DEEPEST: usize = MAX_DEPTH - 2;

/// What holds for the value at one path of desired, or at all paths that a pattern names.
///
/// All of its checks must pass, and all of its conditions must hold, for the value to be allowed. A rule
/// about a map is asked for each leaf in it, too: `Check::Is(Kind::Map)` allows whatever is below it.
///
/// ```
/// use twinsync::rules::{ANY, Check, Condition, Kind, Rule};
///
/// const LEVEL: Rule = Rule::new(
///     &["zones", ANY, "level"],
///     &[Check::Is(Kind::Integer), Check::between(0, 5)],
/// )
/// .required();
/// const MIN: Rule = Rule::new(&["min"], &[Check::Is(Kind::Number)])
///     .when(&[Condition::Ordered { lower: &["min"], upper: &["max"] }], "above max");
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rule {
    path: &'static [&'static str],
    checks: &'static [Check],
    needs: &'static [Condition],
    refusal: &'static str,
    required: bool,
}

/// A table of [`Rule`]s.
///
/// Made in a `const` with [`checked!`](super::checked), a table with a mistake does not compile:
///
/// ```
/// use twinsync::document::{Document, DocumentRef};
/// use twinsync::rules::{Breach, Check, Kind, Rule, ValueRules, checked};
///
/// static RULES: ValueRules = checked!(ValueRules::new(&[
///     Rule::new(&["mode"], &[Check::OneOf(&["auto", "manual"])]),
///     Rule::new(&["name"], &[Check::Is(Kind::Text), Check::Length { min: 1, max: 12 }]),
/// ]))
/// .closed();
///
/// let mut desired = Document::<64>::new();
/// desired.set(&["mode"], "turbo")?;
/// desired.set(&["nmae"], "hall")?;
/// let breach = |path: &[&str]| RULES.judge(path, desired.as_ref(), DocumentRef::EMPTY).err();
/// assert_eq!(breach(&["mode"]).map(|it| it.breach), Some(Breach::NotAllowed));
/// assert_eq!(breach(&["nmae"]).map(|it| it.breach), Some(Breach::Unknown));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```compile_fail,E0080
/// # use twinsync::rules::{Check, Rule, ValueRules, checked};
/// // No number is at least 35 and at most 5.
/// const RULES: ValueRules =
///     checked!(ValueRules::new(&[Rule::new(&["target"], &[Check::between(35, 5)])]));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ValueRules {
    rules: &'static [Rule],
    closed: bool,
    errors: &'static str,
}

/// A rule that a leaf breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Broken {
    /// The rule's path; empty if there is no rule for the leaf, and there should be one.
    pub rule: &'static [&'static str],
    /// What is wrong.
    pub breach: Breach,
}

/// What is wrong with a table of rules; `at` counts them from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RuleFault {
    /// There are more than [`MAX_RULES`].
    Size,
    /// The path is empty, too deep, has a key that is too long, or ends in [`ANY`] and is required.
    Path {
        /// Which rule.
        at: usize,
    },
    /// No value passes one of its checks.
    Check {
        /// Which rule.
        at: usize,
    },
    /// One of its conditions can not hold, or their text is missing or longer than [`MAX_REASON`].
    Condition {
        /// Which rule.
        at: usize,
    },
}

impl Rule {
    /// A rule for the value at `path`; it need not be there.
    pub const fn new(path: &'static [&'static str], checks: &'static [Check]) -> Self {
        Self {
            path,
            checks,
            needs: &[],
            refusal: "",
            required: false,
        }
    }

    /// The same rule, and the value must be there, unless desired is empty. What follows [`ANY`] must be
    /// there for each key that stands in its place.
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The same rule, and all these conditions must hold for a value to be allowed; `refusal` is what is
    /// reported otherwise.
    ///
    /// A condition is asked about the leaf that changes: one on two leaves belongs to the rules of both.
    pub const fn when(mut self, needs: &'static [Condition], refusal: &'static str) -> Self {
        self.needs = needs;
        self.refusal = refusal;
        self
    }

    /// Returns the path.
    pub const fn path(&self) -> &'static [&'static str] {
        self.path
    }

    /// Whether the rule's path is that of `path`, or of something that it is in.
    fn covers(&self, path: &[&str]) -> bool {
        self.path.len() <= path.len() && self.agrees(path)
    }

    /// Whether the paths agree as far as both go.
    fn agrees(&self, path: &[&str]) -> bool {
        let steps = self.path.iter().zip(path);
        steps.fold(true, |all, (step, key)| {
            all && (*step == ANY || step == key)
        })
    }

    fn judge(
        &self,
        path: &[&str],
        desired: DocumentRef<'_>,
        reported: DocumentRef<'_>,
    ) -> Result<(), Breach> {
        let value = path.get(..self.path.len()).and_then(|it| desired.value(it));
        let Some(value) = value else {
            return Ok(());
        };
        for check in self.checks {
            check.judge(value)?;
        }
        if self.needs.iter().all(|it| it.holds(desired, reported)) {
            Ok(())
        } else {
            Err(Breach::Condition(self.refusal))
        }
    }

    /// How many steps lead to what the required value belongs to: up to the last [`ANY`].
    fn owner(&self) -> usize {
        let last = self.path.iter().rposition(|step| *step == ANY);
        last.map_or(0, |at| at.saturating_add(1))
    }

    /// Whether the value at `path`, one that this rule is about, is required and not there.
    pub(super) fn is_missing(&self, desired: DocumentRef<'_>, path: &[&str]) -> bool {
        let owner = path.get(..self.owner()).and_then(|it| desired.at(it));
        self.required && !desired.is_empty() && owner.is_some() && desired.at(path).is_none()
    }
}

impl ValueRules {
    /// Takes a table and checks it. Keys that no rule names are allowed, and refused leaves are reported
    /// below `errors`.
    ///
    /// # Errors
    /// [`RuleFault`] says what is wrong and where.
    pub const fn new(rules: &'static [Rule]) -> Result<Self, RuleFault> {
        if rules.len() > MAX_RULES {
            return Err(RuleFault::Size);
        }
        let mut at = 0_usize;
        let mut rest = rules;
        while let [rule, after @ ..] = rest {
            if !is_path(rule) {
                return Err(RuleFault::Path { at });
            }
            let mut checks = rule.checks;
            while let [check, others @ ..] = checks {
                if !check.is_sound() {
                    return Err(RuleFault::Check { at });
                }
                checks = others;
            }
            let told = is_reason(rule.refusal, MAX_REASON);
            if told == rule.needs.is_empty() {
                return Err(RuleFault::Condition { at });
            }
            let mut needs = rule.needs;
            while let [condition, others @ ..] = needs {
                if !condition.is_sound() {
                    return Err(RuleFault::Condition { at });
                }
                needs = others;
            }
            (at, rest) = (at.wrapping_add(1), after);
        }
        Ok(Self {
            rules,
            closed: false,
            errors: "errors",
        })
    }

    /// The same rules; a leaf that none of them names is refused.
    pub const fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// The same rules; refused leaves are reported below another key.
    pub const fn with_errors(mut self, key: &'static str) -> Self {
        self.errors = key;
        self
    }

    /// Returns the rules.
    pub const fn rules(&self) -> &'static [Rule] {
        self.rules
    }

    /// Returns the key that refused leaves are reported below.
    pub const fn errors(&self) -> &'static str {
        self.errors
    }

    /// Judges the leaf of desired at `path`. Conditions see both sections.
    ///
    /// Cost: for each rule, one compare of the paths; one look-up for those about this leaf.
    ///
    /// # Errors
    /// [`Broken`]: the first rule in the table that the leaf breaks.
    pub fn judge(
        &self,
        path: &[&str],
        desired: DocumentRef<'_>,
        reported: DocumentRef<'_>,
    ) -> Result<(), Broken> {
        let empty = desired.at(path).is_some_and(DocumentRef::is_empty);
        let mut known = path.is_empty();
        for rule in self.rules {
            if rule.covers(path) {
                known = true;
                rule.judge(path, desired, reported)
                    .map_err(|breach| Broken {
                        rule: rule.path,
                        breach,
                    })?;
            } else if empty && rule.agrees(path) {
                // An empty map on the way to what the rule names.
                known = true;
            }
        }
        if self.closed && !known {
            let (rule, breach) = (&[] as &[&str], Breach::Unknown);
            return Err(Broken { rule, breach });
        }
        Ok(())
    }

    /// Shows `found` each required value that is not there: its rule and its path. The same one may come
    /// more than once. Cost: with [`ANY`], one walk over the leaves for each required rule.
    pub fn each_missing(
        &self,
        desired: DocumentRef<'_>,
        found: &mut dyn FnMut(&'static Rule, &[&str]),
    ) {
        for rule in self.rules.iter().filter(|rule| rule.required) {
            let owner = rule.owner();
            if owner == 0 {
                if rule.is_missing(desired, rule.path) {
                    found(rule, rule.path);
                }
                continue;
            }
            let mut leaves = desired.leaves();
            while leaves.step() {
                let path = leaves.path();
                let (Some(ours), Some(below)) = (path.get(..owner), rule.path.get(owner..)) else {
                    continue;
                };
                let mut whole: heapless::Vec<&str, MAX_DEPTH> = heapless::Vec::new();
                // A rule's path is shorter than that.
                let _ = whole.extend_from_slice(ours);
                let _ = whole.extend_from_slice(below);
                if rule.agrees(path.get(..owner).unwrap_or_default())
                    && rule.is_missing(desired, &whole)
                {
                    found(rule, &whole);
                }
            }
        }
    }
}

const fn is_path(rule: &Rule) -> bool {
    let mut steps = rule.path;
    if steps.is_empty() || steps.len() > DEEPEST {
        return false;
    }
    while let [key, below @ ..] = steps {
        if key.len() > MAX_KEY {
            return false;
        }
        let any = matches!(key.as_bytes(), [b'*']);
        if any && below.is_empty() && rule.required {
            return false;
        }
        steps = below;
    }
    true
}

impl RuleFault {
    /// Returns the fault in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Size => "there are more than 255 rules",
            Self::Path { .. } => "the path of a rule is empty, too deep or too long",
            Self::Check { .. } => "no value passes a check of a rule",
            Self::Condition { .. } => "the conditions of a rule, or their text, are not sound",
        }
    }
}

impl fmt::Display for RuleFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        match self {
            Self::Size => Ok(()),
            Self::Path { at } | Self::Check { at } | Self::Condition { at } => {
                write!(f, " (rule {at})")
            }
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.rule.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { "/" })?;
            f.write_str(step)?;
        }
        f.write_str(if self.rule.is_empty() { "" } else { ": " })?;
        self.breach.fmt(f)
    }
}

impl core::error::Error for RuleFault {}
impl core::error::Error for Broken {}

//! A machine as a drawing, for its documentation.

use core::fmt::{self, Write};

use super::machine::{Machine, Trigger};
use crate::document::Number;

impl Machine {
    /// Draws the machine as a Mermaid state diagram. Cost: linear in the table.
    ///
    /// Guarded transitions are labelled with what a refusal says, the device's own with `own`, time-outs
    /// with their time; actions stand in notes of their states.
    ///
    /// ```
    /// use twinsync::rules::{Machine, State, Transition, checked};
    ///
    /// static LAMP: Machine = checked!(Machine::new(
    ///     &[State::new("off"), State::new("on")],
    ///     &[Transition::new("off", "on"), Transition::new("on", "off")],
    /// ));
    /// let mut drawing = String::new();
    /// LAMP.draw_mermaid(&mut drawing)?;
    /// assert_eq!(
    ///     drawing,
    ///     "stateDiagram-v2\n    state \"off\" as s0\n    state \"on\" as s1\n    \
    ///      [*] --> s0\n    s0 --> s1\n    s1 --> s0\n",
    /// );
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    ///
    /// # Errors
    /// That of `out`.
    pub fn draw_mermaid(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("stateDiagram-v2\n")?;
        // Names such as `end` mean something to Mermaid, and it takes no hyphens: states go by number.
        for (at, state) in self.states().iter().enumerate() {
            all(out, &["    state \"", state.name(), "\" as s"])?;
            number(out, at as u64)?;
            out.write_str("\n")?;
            for (action, does) in [("entry", state.entry()), ("exit", state.exit())] {
                if let Some(does) = does {
                    out.write_str("    s")?;
                    number(out, at as u64)?;
                    all(out, &[": ", action, " / ", does, "\n"])?;
                }
            }
        }
        out.write_str("    [*] --> s0\n")?;
        for it in self.transitions() {
            out.write_str("    s")?;
            self.index(out, it.from())?;
            out.write_str(" --> s")?;
            self.index(out, it.to())?;
            label(out, it.trigger(), it.refusal(), ": ")?;
            out.write_str("\n")?;
        }
        Ok(())
    }

    /// Draws the machine as a graph in DOT (Graphviz), labelled as by
    /// [`draw_mermaid`](Self::draw_mermaid). Cost: linear in the table.
    ///
    /// # Errors
    /// That of `out`.
    pub fn draw_dot(&self, out: &mut dyn Write) -> fmt::Result {
        out.write_str("digraph machine {\n    start [shape=point];\n")?;
        for state in self.states() {
            all(out, &["    \"", state.name(), "\" [label=\"", state.name()])?;
            for (action, does) in [("entry", state.entry()), ("exit", state.exit())] {
                if let Some(does) = does {
                    all(out, &["\\n", action, " / ", does])?;
                }
            }
            out.write_str("\"];\n")?;
        }
        all(out, &["    start -> \"", self.first().name(), "\";\n"])?;
        for it in self.transitions() {
            all(out, &["    \"", it.from(), "\" -> \"", it.to(), "\""])?;
            if !matches!(it.trigger(), Trigger::Wish) || !it.refusal().is_empty() {
                label(out, it.trigger(), it.refusal(), " [label=\"")?;
                out.write_str("\"]")?;
            }
            out.write_str(";\n")?;
        }
        out.write_str("}\n")
    }

    fn index(&self, out: &mut dyn Write, name: &str) -> fmt::Result {
        let at = self.states().iter().position(|state| state.name() == name);
        number(out, at.unwrap_or_default() as u64)
    }
}

/// What makes the machine take a transition, after `before`; nothing for a plain one.
fn label(out: &mut dyn Write, trigger: Trigger, refusal: &str, before: &str) -> fmt::Result {
    match trigger {
        Trigger::Wish if refusal.is_empty() => return Ok(()),
        Trigger::Wish => out.write_str(before)?,
        Trigger::Own => all(out, &[before, "own"])?,
        Trigger::After(span) => {
            all(out, &[before, "after "])?;
            number(out, span.as_millis())?;
            return out.write_str(" ms");
        }
    }
    if refusal.is_empty() {
        return Ok(());
    }
    let gap = if matches!(trigger, Trigger::Own) {
        " "
    } else {
        ""
    };
    all(out, &[gap, "[unless ", refusal, "]"])
}

fn all(out: &mut dyn Write, pieces: &[&str]) -> fmt::Result {
    pieces.iter().try_for_each(|piece| out.write_str(piece))
}

/// A number in digits, without the formatting machinery: some firmware has no other use for it.
fn number(out: &mut dyn Write, number: u64) -> fmt::Result {
    let mut text = [0; Number::MAX_TEXT];
    let number = Number::integer(i64::try_from(number).unwrap_or(i64::MAX));
    let len = number.write_text(&mut text);
    let text = text.get(..len).unwrap_or_default();
    out.write_str(core::str::from_utf8(text).unwrap_or_default())
}

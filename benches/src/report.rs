//! Measurements as tables in Markdown, with the goals below, and as lines in a file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::goals::{Against, GOALS, Goal};
use crate::peers::Operation;

const OURS: &str = "twinsync";
const LIMIT: &str = "limit";

#[derive(Clone, Copy, Default)]
pub struct Measured {
    pub ns: Option<f64>,
    pub instructions: Option<u64>,
}

/// Operation, workload and candidate, in the order in which they were entered.
#[derive(Default)]
pub struct Report {
    order: Vec<(Operation, String, String)>,
    measured: BTreeMap<(Operation, String, String), Measured>,
}

impl Report {
    pub fn enter(
        &mut self,
        operation: Operation,
        workload: &str,
        candidate: &str,
    ) -> &mut Measured {
        let key = (operation, workload.to_owned(), candidate.to_owned());
        if !self.measured.contains_key(&key) {
            self.order.push(key.clone());
        }
        self.measured.entry(key).or_default()
    }

    /// Writes one line for each measurement.
    ///
    /// # Errors
    /// If the file can't be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let mut text = String::new();
        for key in &self.order {
            let m = self.measured[key];
            let _ = writeln!(
                text,
                "{}\t{}\t{}\t{}\t{}",
                key.0,
                key.1,
                key.2,
                m.ns.unwrap_or_default(),
                m.instructions.unwrap_or_default()
            );
        }
        fs::write(path, text)
    }

    /// Takes each peer's better figure from this report and from one that was saved by a build for
    /// another target processor.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn take_better_peers(&mut self, path: &Path) -> io::Result<()> {
        for line in fs::read_to_string(path)?.lines() {
            let fields: Vec<_> = line.split('\t').collect();
            let [operation, workload, candidate, ns, instructions] = fields[..] else {
                continue;
            };
            let mut all = Operation::ALL.into_iter();
            let Some(operation) = all.find(|known| known.to_string() == operation) else {
                continue;
            };
            let key = (operation, workload.to_owned(), candidate.to_owned());
            let Some(ours) = self.measured.get_mut(&key).filter(|_| candidate != OURS) else {
                continue;
            };
            let other_ns = ns.parse::<f64>().ok().filter(|ns| *ns > 0.0);
            let other_count = instructions.parse::<u64>().ok().filter(|count| *count > 0);
            if let (Some(ns), Some(other)) = (&mut ours.ns, other_ns) {
                *ns = ns.min(other);
            }
            if let (Some(count), Some(other)) = (&mut ours.instructions, other_count) {
                *count = other.min(*count);
            }
        }
        Ok(())
    }

    /// The tables and, below each, the goals.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        for operation in Operation::ALL {
            let (mut workloads, mut candidates) = (Vec::new(), Vec::new());
            for key in self.order.iter().filter(|key| key.0 == operation) {
                if !workloads.contains(&key.1) {
                    workloads.push(key.1.clone());
                }
                if !candidates.contains(&key.2) {
                    candidates.push(key.2.clone());
                }
            }
            if workloads.is_empty() {
                continue;
            }
            let _ = writeln!(text, "\n## {operation}\n");
            // Six columns at a time are still readable.
            for columns in workloads.chunks(6) {
                self.table(&mut text, operation, columns, &candidates);
            }
            self.goals(&mut text, operation);
        }
        text
    }

    fn table(&self, text: &mut String, operation: Operation, columns: &[String], rows: &[String]) {
        let _ = writeln!(text, "| candidate | {} |", columns.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(columns.len()));
        for candidate in rows {
            let cells: Vec<_> = columns
                .iter()
                .map(|workload| self.cell(operation, workload, candidate))
                .collect();
            if cells.iter().any(|cell| cell != "–") {
                let _ = writeln!(text, "| {candidate} | {} |", cells.join(" | "));
            }
        }
        text.push('\n');
    }

    fn at(&self, operation: Operation, workload: &str, candidate: &str) -> Option<Measured> {
        let key = (operation, workload.to_owned(), candidate.to_owned());
        self.measured.get(&key).copied()
    }

    /// `125 ns / 1,896 i (×3.08 / ×2.38)`: the ratios are to twinsync, more than 1 is slower.
    fn cell(&self, operation: Operation, workload: &str, candidate: &str) -> String {
        let Some(m) = self.at(operation, workload, candidate) else {
            return "–".to_owned();
        };
        let ours = self.at(operation, workload, OURS).unwrap_or_default();
        let mut figures = Vec::new();
        let mut ratios = Vec::new();
        if let Some(ns) = m.ns {
            figures.push(format!("{} ns", grouped(ns.round() as u64)));
            ratios.extend(ours.ns.map(|ours| format!("×{:.2}", ns / ours)));
        }
        if let Some(count) = m.instructions {
            figures.push(format!("{} i", grouped(count)));
            let ours = ours.instructions.filter(|ours| *ours > 0);
            ratios.extend(ours.map(|ours| format!("×{:.2}", count as f64 / ours as f64)));
        }
        let figures = figures.join(" / ");
        if candidate == OURS || ratios.is_empty() {
            figures
        } else {
            format!("{figures} ({})", ratios.join(" / "))
        }
    }

    fn goals(&self, text: &mut String, operation: Operation) {
        let goals = GOALS.iter().filter(|goal| goal.operation == operation);
        let lines: Vec<_> = goals.flat_map(|goal| self.judge(goal)).collect();
        if !lines.is_empty() {
            text.push_str("| goal | now | |\n|---|---|---|\n");
            text.push_str(&lines.join("\n"));
            text.push('\n');
        }
    }

    fn judge(&self, goal: &Goal) -> Vec<String> {
        let mut lines = Vec::new();
        let Some(ours) = self.at(goal.operation, goal.workload, OURS) else {
            return lines;
        };
        let workload = goal.workload;
        if let (Some((must, fine)), Some(now)) = (goal.instructions, ours.instructions) {
            let verdict = match now {
                _ if now <= fine && fine < must => "fine",
                _ if now <= must => "met",
                _ => "**missed**",
            };
            lines.push(format!(
                "| {workload}: ≤ {} i | {} i | {verdict} |",
                grouped(must),
                grouped(now)
            ));
        }
        for (against, factor) in goal.faster {
            let (peer, peer_ns) = match against {
                Against::Best => self.best(goal).unwrap_or_default(),
                Against::Named(name) => (*name, self.ns(goal, name)),
                Against::Limit => (LIMIT, self.ns(goal, LIMIT)),
            };
            let (Some(ours), Some(peer_ns)) = (ours.ns, peer_ns) else {
                continue;
            };
            let (sign, ratio, met) = match against {
                Against::Limit => ('≤', ours / peer_ns, ours / peer_ns <= *factor),
                _ => ('≥', peer_ns / ours, peer_ns / ours >= *factor),
            };
            let verdict = if met { "met" } else { "**missed**" };
            lines.push(format!(
                "| {workload}: {sign} {factor}× {peer} | {ratio:.2}× | {verdict} |"
            ));
        }
        lines
    }

    fn ns(&self, goal: &Goal, candidate: &str) -> Option<f64> {
        self.at(goal.operation, goal.workload, candidate)?.ns
    }

    /// The fastest peer that builds a document of any shape.
    fn best(&self, goal: &Goal) -> Option<(&str, Option<f64>)> {
        let keys = self.order.iter().filter(|key| {
            let typed = key.2.ends_with("-typed");
            key.0 == goal.operation
                && key.1 == goal.workload
                && key.2 != OURS
                && key.2 != LIMIT
                && !typed
        });
        keys.filter_map(|key| Some((key.2.as_str(), self.measured[key].ns?)))
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(name, ns)| (name, Some(ns)))
    }
}

/// 1234567 as `1,234,567`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

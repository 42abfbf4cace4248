//! What happened, and what went wrong.

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) saves: u64,
    pub(crate) cuts: u64,
    /// States that were looked at, each once.
    pub(crate) states: u64,
    /// Loads that found another record than they had to, and what else breaks the law.
    pub(crate) lost: u64,
    /// Loads and saves that failed with power on.
    pub(crate) refused: u64,
    faults: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.saves += other.saves;
        self.cuts += other.cuts;
        self.states += other.states;
        self.lost += other.lost;
        self.refused += other.refused;
        let room = 5_usize.saturating_sub(self.faults.len());
        self.faults.extend(other.faults.into_iter().take(room));
    }

    pub(crate) fn lost(&mut self, what: String) {
        self.lost += 1;
        self.note(what);
    }

    pub(crate) fn refused(&mut self, what: String) {
        self.refused += 1;
        self.note(what);
    }

    fn note(&mut self, what: String) {
        if self.faults.len() < 5 {
            self.faults.push(what);
        }
    }

    pub(crate) fn say(&self, name: &str) {
        println!(
            "{name}: {} saves, {} cuts, {} states, {} lost, {} refused",
            self.saves, self.cuts, self.states, self.lost, self.refused
        );
        for fault in self.faults.iter().take(2) {
            println!("  {fault}");
        }
    }

    pub(crate) fn expect_none(&self) {
        assert_eq!(self.lost + self.refused, 0, "{:#?}", self.faults);
    }
}

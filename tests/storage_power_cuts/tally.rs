//! What happened, and what went wrong.

#[derive(Debug, Default)]
pub struct Tally {
    pub saves: u64,
    pub cuts: u64,
    /// States that were looked at, each once.
    pub states: u64,
    /// Loads that found another record than they had to, and what else breaks the law.
    pub lost: u64,
    /// Loads and saves that failed with power on.
    pub refused: u64,
    faults: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, other: Self) {
        self.saves += other.saves;
        self.cuts += other.cuts;
        self.states += other.states;
        self.lost += other.lost;
        self.refused += other.refused;
        let room = 5_usize.saturating_sub(self.faults.len());
        self.faults.extend(other.faults.into_iter().take(room));
    }

    pub fn lost(&mut self, what: String) {
        self.lost += 1;
        self.note(what);
    }

    pub fn refused(&mut self, what: String) {
        self.refused += 1;
        self.note(what);
    }

    fn note(&mut self, what: String) {
        if self.faults.len() < 5 {
            self.faults.push(what);
        }
    }

    pub fn say(&self, name: &str) {
        println!(
            "{name}: {} saves, {} cuts, {} states, {} lost, {} refused",
            self.saves, self.cuts, self.states, self.lost, self.refused
        );
        for fault in self.faults.iter().take(2) {
            println!("  {fault}");
        }
    }

    pub fn expect_none(&self) {
        assert_eq!(self.lost + self.refused, 0, "{:#?}", self.faults);
    }
}

//! One load or save, step by step.

use super::geometry::{CHUNK, CHUNK_LEN, Geometry};
use super::{Check, ERASED, Found, Known, Log, LogFault, MARK, Place, Request, Saved, is_newer};
use crate::error::{BufferTooSmall, CapacityError};

/// What an operation is for.
#[derive(Debug)]
enum Job<'a> {
    Load(&'a mut [u8]),
    Save(&'a [u8]),
}

/// What stands to be done with the flash, or was just done.
#[derive(Clone, Copy, Debug)]
enum State {
    /// Read what may be a head. `before` is the record before it in its page.
    Head {
        at: u32,
        before: Option<Place>,
    },
    /// Read on behind a head that says nothing, to see whether it is the last thing in its page.
    Rest {
        at: u32,
        before: Option<Place>,
    },
    /// Read a record from byte `pos` on.
    Body {
        place: Place,
        pos: u32,
        check: Check,
        why: Why,
    },
    /// Read its seal.
    Seal {
        place: Place,
        check: Check,
        why: Why,
    },
    /// Read the newest record, to see whether it says the same.
    Compare {
        place: Place,
        pos: u32,
    },
    /// Read where a record is to be appended, from byte `pos` of it on.
    Blank {
        place: Place,
        pos: u32,
    },
    /// Erase the `done`th page of a record.
    Erase {
        place: Place,
        done: u32,
    },
    /// Mark its `done`th page as one in which it goes on.
    Mark {
        place: Place,
        done: u32,
    },
    /// Write its parts.
    WriteHead {
        place: Place,
    },
    WriteBody {
        place: Place,
        pos: u32,
    },
    WriteSeal {
        place: Place,
    },
    /// Nothing.
    Done,
}

/// Why a record is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// To know whether it counts.
    Scan,
    /// To have it.
    Fetch,
    /// To see whether it was written.
    Verify,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    Found(Found),
    Saved(Saved),
}

/// See the [module](super).
#[derive(Debug)]
pub(super) struct Operation<'a> {
    log: &'a mut Log,
    job: Job<'a>,
    state: State,
    /// Whether the request of `state` was handed out.
    asked: bool,
    known: Known,
    outcome: Result<Outcome, LogFault>,
}

impl<'a> Operation<'a> {
    pub(super) fn load(log: &'a mut Log, out: &'a mut [u8]) -> Self {
        log.known = None;
        Self::new(log, Job::Load(out))
    }

    pub(super) fn save(log: &'a mut Log, record: &'a [u8]) -> Self {
        let capacity = log.geometry.capacity();
        let mut operation = Self::new(log, Job::Save(record));
        if record.len() > capacity {
            operation.end(Err(LogFault::TooLong(CapacityError {
                needed: record.len(),
                capacity,
            })));
        }
        operation
    }

    /// Until the operation has ended well, the log knows nothing.
    fn new(log: &'a mut Log, job: Job<'a>) -> Self {
        let known = log.known;
        let mut operation = Self {
            log,
            job,
            state: State::Head {
                at: 0,
                before: None,
            },
            asked: false,
            known: known.unwrap_or_default(),
            outcome: Err(LogFault::Refused),
        };
        if known.is_some() {
            operation.state = operation.scanned();
        }
        operation
    }

    pub(super) fn found(self) -> Result<Found, LogFault> {
        match self.outcome? {
            Outcome::Found(found) => Ok(found),
            Outcome::Saved(_) => Err(LogFault::Refused),
        }
    }

    pub(super) fn saved(self) -> Result<Saved, LogFault> {
        match self.outcome? {
            Outcome::Saved(saved) => Ok(saved),
            Outcome::Found(_) => Err(LogFault::Refused),
        }
    }

    pub(super) fn poll(&mut self) -> Option<Request<'_>> {
        if self.asked {
            self.asked = false;
            self.state = self.digest();
        }
        self.asked = !matches!(self.state, State::Done);
        if self.asked {
            // Until this has ended well, the log knows nothing.
            self.log.known = None;
        }
        self.request()
    }

    pub(super) fn handle_failed(&mut self) {
        if !self.asked {
            return;
        }
        self.asked = false;
        self.state = match self.state {
            State::Erase { place, .. }
            | State::Mark { place, .. }
            | State::WriteHead { place }
            | State::WriteBody { place, .. }
            | State::WriteSeal { place } => self.elsewhere(place, LogFault::Refused),
            State::Head { .. }
            | State::Rest { .. }
            | State::Body { .. }
            | State::Seal { .. }
            | State::Compare { .. }
            | State::Blank { .. }
            | State::Done => self.end(Err(LogFault::Refused)),
        };
    }

    /// What `state` asks of the flash.
    fn request(&mut self) -> Option<Request<'_>> {
        let geometry = self.log.geometry;
        let (at, len) = match self.state {
            State::Head { at, .. } => (at, geometry.head()),
            State::Rest { at, .. } => {
                let end = geometry.end_of(geometry.page_of(at));
                (at, end.wrapping_sub(at).min(CHUNK_LEN))
            }
            State::Body { place, pos, .. } | State::Compare { place, pos } => {
                body(&geometry, place, pos)
            }
            State::Seal { place, .. } => (seal_at(&geometry, place), geometry.seal()),
            State::Blank { place, pos } => {
                let rest = geometry.total(place.len).wrapping_sub(pos);
                (place.start.wrapping_add(pos), rest.min(CHUNK_LEN))
            }
            State::Erase { place, done } => {
                let page = geometry.page_after(geometry.page_of(place.start), done);
                return Some(Request::Erase {
                    from: geometry.address(geometry.start_of(page)),
                    to: geometry.address(geometry.end_of(page)),
                });
            }
            State::Mark { .. }
            | State::WriteHead { .. }
            | State::WriteBody { .. }
            | State::WriteSeal { .. } => return self.write(),
            State::Done => return None,
        };
        let into = self.log.buffer.get_mut(..len as usize)?;
        Some(Request::Read {
            at: geometry.address(at),
            into,
        })
    }

    fn write(&mut self) -> Option<Request<'_>> {
        let Job::Save(record) = self.job else {
            return None;
        };
        let geometry = self.log.geometry;
        let buffer = &mut self.log.buffer;
        let (at, len) = match self.state {
            State::Mark { place, done } => {
                *buffer = [MARK; CHUNK];
                let page = geometry.page_after(geometry.page_of(place.start), done);
                (geometry.start_of(page), geometry.word())
            }
            State::WriteHead { place } => {
                *buffer = place.head();
                (place.start, geometry.head())
            }
            State::WriteBody { place, pos } => {
                let (at, len) = piece(&geometry, place, pos);
                let rest = record.get(pos as usize..).unwrap_or_default();
                if let Some(bytes) = rest.get(..len as usize) {
                    let at = geometry.address(at);
                    return Some(Request::Write { at, bytes });
                }
                *buffer = padded(rest);
                (at, len)
            }
            State::WriteSeal { place } => {
                *buffer = padded(&place.check().over(record).sum());
                (seal_at(&geometry, place), geometry.seal())
            }
            State::Head { .. }
            | State::Rest { .. }
            | State::Body { .. }
            | State::Seal { .. }
            | State::Compare { .. }
            | State::Blank { .. }
            | State::Erase { .. }
            | State::Done => return None,
        };
        Some(Request::Write {
            at: geometry.address(at),
            bytes: buffer.get(..len as usize)?,
        })
    }

    /// Takes in what was read, or that something was written, and returns what comes next.
    fn digest(&mut self) -> State {
        let geometry = self.log.geometry;
        match self.state {
            State::Head { at, before } => self.head(at, before),
            State::Rest { at, before } => {
                let page = geometry.page_of(at);
                let rest = geometry.end_of(page).wrapping_sub(at).min(CHUNK_LEN);
                let number = before.map(|place| place.number.wrapping_add(1));
                if !self.is_blank(rest) {
                    self.known.damaged.add(number);
                    return self.next_page(page);
                }
                let at = at.wrapping_add(rest);
                if at < geometry.end_of(page) {
                    return State::Rest { at, before };
                }
                self.known.torn.add(number);
                self.next_page(page)
            }
            State::Body {
                place,
                pos,
                check,
                why,
            } => {
                let (_, len) = body(&geometry, place, pos);
                let len = len.min(place.len.wrapping_sub(pos)) as usize;
                let bytes = self.log.buffer.get(..len).unwrap_or_default();
                if let (Why::Fetch, Job::Load(out)) = (why, &mut self.job)
                    && let Some(room) = out.get_mut(pos as usize..)
                {
                    for (room, byte) in room.iter_mut().zip(bytes) {
                        *room = *byte;
                    }
                }
                let check = check.over(bytes);
                read(&geometry, place, pos, check, why)
            }
            State::Seal { place, check, why } => self.seal(place, check, why),
            State::Compare { place, pos } => self.compare(place, pos),
            State::Blank { place, pos } => {
                let rest = geometry.total(place.len).wrapping_sub(pos);
                let len = rest.min(CHUNK_LEN);
                if !self.is_blank(len) {
                    return self.begin_page(place);
                }
                if len == rest {
                    return State::WriteHead { place };
                }
                let pos = pos.wrapping_add(len);
                State::Blank { place, pos }
            }
            State::Erase { place, done } => {
                let done = done.wrapping_add(1);
                if done < pages(&geometry, place) {
                    return State::Erase { place, done };
                }
                marks(&geometry, place, 1)
            }
            State::Mark { place, done } => marks(&geometry, place, done.wrapping_add(1)),
            State::WriteHead { place } => write(place, 0),
            State::WriteBody { place, pos } => {
                let (_, len) = piece(&geometry, place, pos);
                write(place, pos.wrapping_add(len))
            }
            State::WriteSeal { place } => State::Body {
                place,
                pos: 0,
                check: place.check(),
                why: Why::Verify,
            },
            State::Done => State::Done,
        }
    }

    /// What may be a head was read.
    fn head(&mut self, at: u32, before: Option<Place>) -> State {
        let geometry = self.log.geometry;
        let page = geometry.page_of(at);
        let begins = at == geometry.start_of(page);
        if let Some(place) = Place::from_head(at, &self.log.buffer)
            && fits(&geometry, place, begins)
        {
            let begun = self.known.begun.map(|place| place.number);
            if is_newer(place.number, begun) {
                self.known.begun = Some(place);
            }
            let newest = self.known.newest.map(|place| place.number);
            if !is_newer(place.number, newest) {
                return self.behind(place);
            }
            return read(&geometry, place, u32::MAX, place.check(), Why::Scan);
        }
        let mark = self.log.buffer.get(..geometry.word() as usize);
        let goes_on = mark.is_some_and(|mark| mark.iter().all(|byte| *byte == MARK));
        if self.is_blank(geometry.head()) || (begins && goes_on) {
            return self.next_page(page);
        }
        if begins && self.log.buffer.first() == Some(&ERASED) {
            // What is written never begins like this: an erase was cut off.
            self.known.torn.add(None);
            return self.next_page(page);
        }
        let at = at.wrapping_add(geometry.head());
        if at >= geometry.end_of(page) {
            self.known
                .damaged
                .add(before.map(|place| place.number.wrapping_add(1)));
            return self.next_page(page);
        }
        State::Rest { at, before }
    }

    /// A seal was read.
    fn seal(&mut self, place: Place, check: Check, why: Why) -> State {
        let sum = check.sum();
        let stored = self.log.buffer.first_chunk().copied().unwrap_or_default();
        let whole = stored == sum;
        match why {
            Why::Scan => {
                if whole {
                    self.known.newest = Some(place);
                } else if is_torn(stored, sum) {
                    self.known.torn.add(Some(place.number));
                } else {
                    self.known.damaged.add(Some(place.number));
                }
                self.behind(place)
            }
            Why::Fetch if whole => {
                let len = Some(place.len as usize);
                let health = self.known.health();
                self.end(Ok(Outcome::Found(Found { len, health })))
            }
            Why::Fetch => self.end(Err(LogFault::Unsteady)),
            Why::Verify if whole => {
                self.known = Known {
                    newest: Some(place),
                    begun: Some(place),
                    ..Known::default()
                };
                self.log.detour = None;
                self.end(Ok(Outcome::Saved(Saved::Written)))
            }
            Why::Verify => self.elsewhere(place, LogFault::NotKept),
        }
    }

    /// Looks for the next head behind a record.
    fn behind(&mut self, place: Place) -> State {
        let geometry = self.log.geometry;
        let page = geometry.page_of(place.start);
        let at = place.start.wrapping_add(geometry.total(place.len));
        // A record of several pages has nothing behind it.
        let room = geometry.end_of(page).checked_sub(at);
        match room.is_some_and(|room| room >= geometry.total(0)) {
            true => State::Head {
                at,
                before: Some(place),
            },
            false => self.next_page(page),
        }
    }

    fn next_page(&mut self, page: u32) -> State {
        let page = page.wrapping_add(1);
        if page < self.log.geometry.pages() {
            let at = self.log.geometry.start_of(page);
            return State::Head { at, before: None };
        }
        self.scanned()
    }

    /// All of the flash is known: goes on with what it was looked at for.
    fn scanned(&mut self) -> State {
        match &self.job {
            Job::Load(out) => {
                let Some(place) = self.known.newest else {
                    let health = self.known.health();
                    return self.end(Ok(Outcome::Found(Found { len: None, health })));
                };
                let needed = place.len as usize;
                if needed > out.len() {
                    let error = LogFault::BufferTooSmall(BufferTooSmall { needed });
                    return self.end(Err(error));
                }
                let check = place.check();
                read(&self.log.geometry, place, u32::MAX, check, Why::Fetch)
            }
            Job::Save(record) => match self.known.newest {
                Some(place) if place.len as usize == record.len() => {
                    if place.len == 0 {
                        return self.end(Ok(Outcome::Saved(Saved::Unchanged)));
                    }
                    State::Compare { place, pos: 0 }
                }
                _ => self.append(),
            },
        }
    }

    fn compare(&mut self, place: Place, pos: u32) -> State {
        let Job::Save(record) = self.job else {
            return self.end(Err(LogFault::Refused));
        };
        let (_, len) = body(&self.log.geometry, place, pos);
        let next = pos.wrapping_add(len).min(place.len);
        let stored = self.log.buffer.get(..next.wrapping_sub(pos) as usize);
        if stored != record.get(pos as usize..next as usize) {
            return self.append();
        }
        if next == place.len {
            return self.end(Ok(Outcome::Saved(Saved::Unchanged)));
        }
        State::Compare { place, pos: next }
    }

    /// Chooses where the record goes: behind the newest one if that is the last thing in its page and
    /// leaves room, else to the next page.
    fn append(&mut self) -> State {
        let Job::Save(record) = self.job else {
            return self.end(Err(LogFault::Refused));
        };
        let geometry = self.log.geometry;
        #[expect(clippy::cast_possible_truncation, reason = "within the capacity")]
        let len = record.len() as u32;
        let last = self.known.begun.map(|place| place.number);
        let place = Place {
            start: 0,
            len,
            number: last.map_or(0, |last| last.wrapping_add(1)),
        };
        if let Some(newest) = self.known.newest
            && self.known.begun == Some(newest)
        {
            let page = geometry.page_of(newest.start);
            let start = newest.start.wrapping_add(geometry.total(newest.len));
            let end = start.wrapping_add(geometry.total(len));
            if end <= geometry.end_of(page) {
                let place = Place { start, ..place };
                return State::Blank { place, pos: 0 };
            }
        }
        self.begin_page(place)
    }

    /// The record begins the next page that is not the newest one's.
    fn begin_page(&mut self, place: Place) -> State {
        let geometry = self.log.geometry;
        let wanted = pages(&geometry, Place { start: 0, ..place });
        let behind = |place: Place| {
            let page = geometry.page_of(place.start);
            geometry.page_after(page, pages(&geometry, place))
        };
        let mut page = self.known.begun.map_or(0, behind);
        page = self.log.detour.unwrap_or(page);
        if let Some(newest) = self.known.newest {
            let first = geometry.page_of(newest.start);
            let apart = |from: u32, to: u32| {
                let round = if to < from { geometry.pages() } else { 0 };
                to.wrapping_add(round).wrapping_sub(from)
            };
            if apart(page, first) < wanted || apart(first, page) < pages(&geometry, newest) {
                page = behind(newest);
            }
        }
        let start = geometry.start_of(page);
        State::Erase {
            place: Place { start, ..place },
            done: 0,
        }
    }

    /// The flash did not take a record: the next page will, at once if this one was not erased for it.
    fn elsewhere(&mut self, place: Place, fault: LogFault) -> State {
        let geometry = self.log.geometry;
        let page = geometry.page_of(place.start);
        self.known.begun = Some(place);
        if place.start != geometry.start_of(page) {
            let number = place.number.wrapping_add(1);
            return self.begin_page(Place { number, ..place });
        }
        self.log.detour = Some(geometry.page_after(page, 1));
        self.end(Err(fault))
    }

    fn end(&mut self, outcome: Result<Outcome, LogFault>) -> State {
        let untouched = matches!(
            outcome,
            Err(LogFault::TooLong(_) | LogFault::BufferTooSmall(_))
        );
        if outcome.is_ok() {
            self.log.known = Some(self.known);
        }
        if untouched {
            self.asked = false;
        }
        self.outcome = outcome;
        self.state = State::Done;
        State::Done
    }

    fn is_blank(&self, len: u32) -> bool {
        let bytes = self.log.buffer.get(..len as usize).unwrap_or_default();
        bytes.iter().all(|byte| *byte == ERASED)
    }
}

/// Whether a record can be where its head is.
fn fits(geometry: &Geometry, place: Place, begins: bool) -> bool {
    let end = geometry.end_of(geometry.page_of(place.start));
    place.len as usize <= geometry.capacity()
        && (begins || place.start.wrapping_add(geometry.total(place.len)) <= end)
}

/// Whether a seal is what is left of the right one when power fails before its last bit: up to a byte
/// all of it, in that byte some zeros still missing, behind it nothing. Where only one or two zeros
/// are missing, as many bits may have flipped in a seal that was whole: that is damage.
fn is_torn(stored: [u8; 4], sum: [u8; 4]) -> bool {
    let mut missing = u32::from_le_bytes(stored) & !u32::from_le_bytes(sum);
    for _ in 0..2 {
        missing &= missing.wrapping_sub(1);
    }
    let mut cut = false;
    let begun = stored.into_iter().zip(sum).all(|(stored, sum)| {
        let was_cut = cut;
        cut |= stored != sum;
        if was_cut {
            stored == ERASED
        } else {
            stored | sum == stored
        }
    });
    begun && missing != 0
}

/// Pages of a record.
fn pages(geometry: &Geometry, place: Place) -> u32 {
    if place.start != geometry.start_of(geometry.page_of(place.start)) {
        return 1;
    }
    geometry.pages_for(geometry.total(place.len))
}

fn seal_at(geometry: &Geometry, place: Place) -> u32 {
    let offset = geometry.total(place.len).wrapping_sub(geometry.seal());
    geometry.locate(place.start, offset).0
}

/// The bytes of a record to be read at once from `pos` on, padding included.
fn body(geometry: &Geometry, place: Place, pos: u32) -> (u32, u32) {
    let (at, run) = geometry.locate(place.start, geometry.head().wrapping_add(pos));
    let rest = geometry.padded(place.len).wrapping_sub(pos);
    (at, run.min(rest).min(CHUNK_LEN))
}

/// The bytes of a record to be written at once: whole words as they are, or the last one padded.
fn piece(geometry: &Geometry, place: Place, pos: u32) -> (u32, u32) {
    let (at, run) = geometry.locate(place.start, geometry.head().wrapping_add(pos));
    let rest = place.len.wrapping_sub(pos);
    let words = rest & !geometry.word().wrapping_sub(1);
    let len = if words == 0 { geometry.word() } else { words };
    (at, run.min(len))
}

/// Bytes in front of erased ones.
fn padded(bytes: &[u8]) -> [u8; CHUNK] {
    let mut buffer = [ERASED; CHUNK];
    for (room, byte) in buffer.iter_mut().zip(bytes) {
        *room = *byte;
    }
    buffer
}

/// Reads on behind the piece at `done`, or from the beginning if that is no position.
fn read(geometry: &Geometry, place: Place, done: u32, check: Check, why: Why) -> State {
    let pos = match done {
        u32::MAX => 0,
        _ => done.wrapping_add(body(geometry, place, done).1),
    };
    if pos >= place.len {
        return State::Seal { place, check, why };
    }
    State::Body {
        place,
        pos,
        check,
        why,
    }
}

fn write(place: Place, pos: u32) -> State {
    if pos >= place.len {
        return State::WriteSeal { place };
    }
    State::WriteBody { place, pos }
}

fn marks(geometry: &Geometry, place: Place, done: u32) -> State {
    if done < pages(geometry, place) {
        return State::Mark { place, done };
    }
    State::WriteHead { place }
}

//! Bytes between the interrupt that takes them from the UART and the task that reads them.

use core::cell::RefCell;

use critical_section::Mutex;
use heapless::Deque;

/// Bytes that wait. QEMU keeps the rest; on hardware this is what must last until the task comes.
const CAPACITY: usize = 128;

static QUEUE: Mutex<RefCell<Deque<u8, CAPACITY>>> = Mutex::new(RefCell::new(Deque::new()));

/// Takes bytes from `next` until it has none or the queue is full; says whether room is left.
pub(super) fn fill(mut next: impl FnMut() -> Option<u8>) -> bool {
    critical_section::with(|cs| {
        let mut queue = QUEUE.borrow_ref_mut(cs);
        while !queue.is_full() {
            let Some(byte) = next() else {
                return true;
            };
            let _ = queue.push_back(byte);
        }
        false
    })
}

/// Moves what waits into `place`; returns how many bytes.
pub(super) fn drain(place: &mut [u8]) -> usize {
    critical_section::with(|cs| {
        let mut queue = QUEUE.borrow_ref_mut(cs);
        let bytes = core::iter::from_fn(|| queue.pop_front());
        place
            .iter_mut()
            .zip(bytes)
            .map(|(to, byte)| *to = byte)
            .count()
    })
}

pub(super) fn is_empty() -> bool {
    critical_section::with(|cs| QUEUE.borrow_ref(cs).is_empty())
}

mod atomic;
#[cfg(target_pointer_width = "64")]
mod forms;
mod laws;
mod limits;
pub(crate) mod model;
mod places;
mod reads;
mod stored;

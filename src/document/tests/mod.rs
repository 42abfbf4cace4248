mod atomic;
mod laws;
mod limits;
pub(crate) mod model;
mod places;
mod reads;
mod stored;

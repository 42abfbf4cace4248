mod atomic;
mod laws;
mod limits;
mod places;
mod reads;
mod stored;

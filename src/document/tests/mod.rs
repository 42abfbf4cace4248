mod atomic;
mod laws;
mod limits;
mod reads;
mod stored;

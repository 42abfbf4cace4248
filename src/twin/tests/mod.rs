mod laws;
pub(crate) mod model;
mod timetable;

mod bench;
mod isolation;
mod timetable;

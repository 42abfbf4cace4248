//! Sentences, timetables and laws.

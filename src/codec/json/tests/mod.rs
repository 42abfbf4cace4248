mod laws;
mod rules;
mod select;

//! Hardware that is played by mocks.

//! The flat tree (being written).

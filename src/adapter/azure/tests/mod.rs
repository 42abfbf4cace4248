//! The wire, from the guides and from what official clients were seen to say.

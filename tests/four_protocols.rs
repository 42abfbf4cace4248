//! One device, four protocols: the same application function over AWS, Azure, the native dialect and CoAP, with
//! the protocols' bytes on the simulated link, ends with the same twin.
//!
//! *The same* is: desired, reported and tags are equal byte by byte, on the hub and, for the two that it knows,
//! on the device. Versions of desired are equal, too. What may differ is what a protocol counts: those of
//! reported and of the whole twin, as a report goes out in as many parts as the protocol's packets ask for.
//! `SEED=n` in the environment runs one seed on lossy links and prints what was said, `SEEDS=n` runs so many.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test: what goes wrong is to be seen"
)]

#[path = "../examples/common/lamp.rs"]
mod lamp;

use core::cell::RefCell;
use std::env;
use std::rc::Rc;

use lamp::{Lamp, SECRET};
use twinsync::codec::json;
use twinsync::document::{Document, DocumentRef};
use twinsync::sim::{Conditions, End, Language};
use twinsync::twin::{Section, Version};

/// How the story ended.
struct Ending {
    protocol: &'static str,
    desired: Vec<u8>,
    reported: Vec<u8>,
    tags: Vec<u8>,
    desired_version: Version,
    /// All that reached the device: topics and payloads, or datagrams.
    heard: Vec<Vec<u8>>,
}

fn told<L: Language>(protocol: &'static str, mut lamp: Lamp<L>) -> Ending {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let hears = Rc::clone(&heard);
    let print = env::var("SEED").is_ok();
    lamp.watch(move |now, end, packet| {
        if print {
            let arrow = if end == End::Far { "-->" } else { "<--" };
            let payload = packet.payload.escape_ascii();
            println!("{now} {arrow} {} {payload}", packet.topic);
        }
        if end == End::Near {
            let bytes = [packet.topic.as_bytes(), &packet.payload].concat();
            hears.borrow_mut().push(bytes);
        }
    });
    lamp::live(&mut lamp).unwrap_or_else(|error| panic!("{protocol}: {error}"));
    let twin = lamp.twin();
    let section = |section| twin.section(section).as_bytes().to_vec();
    let ending = Ending {
        protocol,
        desired: section(Section::Desired),
        reported: section(Section::Reported),
        tags: section(Section::Tags),
        desired_version: twin.versions().desired,
        heard: heard.borrow().clone(),
    };
    assert_eq!(lamp.device().desired().as_bytes(), ending.desired);
    assert_eq!(lamp.device().reported().as_bytes(), ending.reported);
    assert_eq!(lamp.withheld(), 0, "{protocol}");
    ending
}

fn endings(seed: u64, link: Conditions) -> [Ending; 4] {
    [
        told("AWS", lamp::over_aws(seed, link)),
        told("Azure", lamp::over_azure(seed, link)),
        told("native", lamp::over_native(seed, link)),
        told("CoAP", lamp::over_coap(seed, link)),
    ]
}

fn agree<'e>(endings: impl IntoIterator<Item = &'e Ending>) {
    let mut endings = endings.into_iter();
    let first = endings.next().unwrap();
    for other in endings {
        let name = other.protocol;
        assert_eq!(first.desired, other.desired, "{name}");
        assert_eq!(first.reported, other.reported, "{name}");
        assert_eq!(first.tags, other.tags, "{name}");
        assert_eq!(first.desired_version, other.desired_version, "{name}");
    }
}

#[test]
fn the_same_application_ends_with_the_same_twin_over_four_protocols() {
    let endings = endings(1, Conditions::perfect());
    agree(&endings);
    let reported = DocumentRef::from_bytes(&endings[0].reported).unwrap();
    let mut expected = Document::<512>::new();
    let text = br#"{"level":25,"mode":"night","lit":true,"nights":4,"firmware":"1.4.2"}"#;
    json::read(text, expected.as_mut()).unwrap();
    assert_eq!(reported, expected.as_ref());
}

#[test]
fn a_lossy_link_changes_nothing_about_how_it_ends() {
    let perfect = endings(1, Conditions::perfect());
    let only: Option<u64> = env::var("SEED").ok().map(|seed| seed.parse().unwrap());
    let count = env::var("SEEDS").map_or(20, |count| count.parse().unwrap());
    for seed in only.map_or(0..count, |only| only..only + 1) {
        let links = [
            Conditions::wifi(),
            Conditions::cellular(),
            Conditions::satellite(),
            Conditions::hostile(),
        ];
        for link in links {
            println!("seed {seed}, {link:?}");
            let lossy = endings(seed, link);
            agree(perfect.iter().chain(&lossy));
        }
    }
}

#[test]
fn no_byte_of_a_tag_reaches_the_device_over_any_protocol() {
    let holds = |heard: &[Vec<u8>], marker: &str| {
        let marker = marker.as_bytes();
        heard
            .iter()
            .any(|bytes| bytes.windows(marker.len()).any(|window| window == marker))
    };
    for ending in endings(1, Conditions::perfect()) {
        let name = ending.protocol;
        assert!(holds(&[ending.tags], SECRET), "{name}: the hub has tags");
        assert!(
            holds(&ending.heard, "scene-39"),
            "{name}: what is said can be found"
        );
        assert!(!holds(&ending.heard, SECRET), "{name}");
    }
}

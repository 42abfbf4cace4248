//! A twin's life, step by step.

use super::model::{json, text};
use crate::document::{Document, DocumentRef};
use crate::error::CapacityError;
use crate::time::{Duration, Timestamp};
use crate::twin::{
    self, Deleted, ETag, LeafMeta, Mode, Origin, Policy, Precondition, Rejected, Section,
    SizeLimits, Twin, TwinRef, Update, Version, VersionOfAbsent, Versions, Writable,
};

const N: usize = 2048;
const POLICY: Policy = Policy::new();

/// A twin, the clock and the rules.
struct Bench {
    twin: Twin<N>,
    now: Timestamp,
    policy: Policy,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        Self {
            twin: Twin::new(),
            now: Timestamp::from_secs(1_000),
            policy,
        }
    }

    fn at(&mut self, secs: u64) -> &mut Self {
        self.now = Timestamp::from_secs(secs);
        self
    }

    /// Applies an update and checks that nothing changes where it is rejected.
    fn apply(&mut self, update: &Update<'_>) -> Result<u64, Rejected> {
        let previous = self.twin.clone();
        let result = twin::apply(
            previous.as_ref(),
            update,
            self.now,
            &self.policy,
            &mut self.twin.as_mut(),
        );
        if result.is_err() {
            assert_eq!(self.twin, previous, "an error changed the twin");
        }
        result.map(|applied| applied.versions.twin.as_u64())
    }

    fn merge(&mut self, patch: &str) -> Result<u64, Rejected> {
        self.apply(&Update::merge(json(patch).as_ref()))
    }

    fn merge_if(&mut self, precondition: Precondition) -> Result<u64, Rejected> {
        let patch = json(r#"{"reported":{"a":1}}"#);
        self.apply(&Update::merge(patch.as_ref()).with_precondition(precondition))
    }

    fn delete(&mut self) -> Result<Deleted, Rejected> {
        let previous = self.twin.clone();
        twin::delete(
            previous.as_ref(),
            Precondition::Any,
            self.now,
            &mut self.twin.as_mut(),
        )
    }

    fn text(&self) -> alloc::string::String {
        text(self.twin.as_ref().document())
    }
}

fn conflict(expected: u64, actual: u64) -> Result<u64, Rejected> {
    Err(Rejected::Conflict {
        expected: Version::new(expected),
        actual: Version::new(actual),
    })
}

#[test]
fn an_empty_patch_creates_the_twin_and_counts() {
    let mut bench = Bench::new(POLICY);
    assert_eq!(bench.merge("{}"), Ok(1));
    assert!(bench.twin.as_ref().exists());
    assert_eq!(bench.text(), "{}");
    assert_eq!(bench.merge("{}"), Ok(2));
}

#[test]
fn sections_merge_and_each_counts_the_updates_that_name_it() {
    let mut bench = Bench::new(POLICY);
    assert_eq!(bench.merge(r#"{"desired":{"a":1,"b":{"c":2}}}"#), Ok(1));
    assert_eq!(
        bench.merge(r#"{"desired":{"b":{"d":3}},"reported":{"a":0}}"#),
        Ok(2)
    );
    assert_eq!(bench.merge(r#"{"desired":{"a":null}}"#), Ok(3));
    assert_eq!(
        bench.text(),
        r#"{"desired":{"b":{"c":2,"d":3}},"reported":{"a":0}}"#
    );
    assert_eq!(
        bench.twin.as_ref().versions(),
        Versions {
            twin: Version::new(3),
            desired: Version::new(3),
            reported: Version::new(1),
        }
    );
}

#[test]
fn tags_merge_deeply() {
    let mut bench = Bench::new(POLICY);
    bench
        .merge(r#"{"tags":{"place":{"floor":1,"room":"a"},"owner":"x"}}"#)
        .unwrap();
    bench
        .merge(r#"{"tags":{"place":{"floor":2,"old":null},"owner":{"name":"y"}}}"#)
        .unwrap();
    bench.merge(r#"{"tags":{"place":{"room":null}}}"#).unwrap();
    assert_eq!(
        bench.text(),
        r#"{"tags":{"owner":{"name":"y"},"place":{"floor":2}}}"#
    );
}

#[test]
fn an_emptied_section_is_dropped_with_its_metadata() {
    let mut bench = Bench::new(POLICY.with_metadata(true));
    bench
        .merge(r#"{"desired":{"a":1},"reported":{"a":1}}"#)
        .unwrap();
    bench.merge(r#"{"desired":{"a":null}}"#).unwrap();
    assert_eq!(
        bench.text(),
        r#"{"metadata":{"reported":{"a":[1000000,1]}},"reported":{"a":1}}"#
    );
    bench.merge(r#"{"reported":null}"#).unwrap();
    assert_eq!(bench.text(), "{}");
    assert_eq!(bench.merge(r#"{"desired":{}}"#), Ok(4));
    assert_eq!(bench.text(), "{}");
}

#[test]
fn null_in_place_of_the_patch_clears_the_twin_and_the_version_goes_on() {
    let mut bench = Bench::new(POLICY.with_metadata(true));
    bench
        .merge(r#"{"desired":{"a":1},"tags":{"t":1}}"#)
        .unwrap();
    assert_eq!(bench.apply(&Update::merge(DocumentRef::NULL)), Ok(2));
    assert_eq!(bench.text(), "{}");
    assert!(bench.twin.as_ref().exists());
}

#[test]
fn a_replacement_exchanges_only_the_sections_it_names() {
    let mut bench = Bench::new(POLICY.with_metadata(true));
    bench
        .merge(r#"{"desired":{"a":1,"b":2},"reported":{"a":1},"tags":{"t":1}}"#)
        .unwrap();
    let patch = json(r#"{"desired":{"b":3,"c":{"d":null,"e":1}},"tags":{"u":1}}"#);
    bench
        .at(2_000)
        .apply(&Update::merge(patch.as_ref()).with_mode(Mode::Replace))
        .unwrap();
    assert_eq!(
        bench.text(),
        concat!(
            r#"{"desired":{"b":3,"c":{"e":1}},"#,
            r#""metadata":{"desired":{"b":[2000000,2],"c":{"e":[2000000,2]}},"reported":{"a":[1000000,1]}},"#,
            r#""reported":{"a":1},"tags":{"u":1}}"#
        )
    );
}

#[test]
fn metadata_is_renewed_for_what_an_update_names_and_nothing_else() {
    let mut bench = Bench::new(POLICY.with_metadata(true));
    bench
        .merge(r#"{"desired":{"a":1,"b":{"c":[1,2]},"e":{}}}"#)
        .unwrap();
    bench.at(2_000).merge(r#"{"reported":{"a":0}}"#).unwrap();
    bench
        .at(3_000)
        .merge(r#"{"desired":{"a":1,"b":{"d":0}}}"#)
        .unwrap();
    let twin = bench.twin.as_ref();
    let meta = |path: &[&str]| {
        let LeafMeta {
            updated_at,
            version,
        } = twin.leaf_meta(Section::Desired, path)?;
        Some((updated_at.as_secs(), version.as_u64()))
    };
    assert_eq!(meta(&["a"]), Some((3_000, 2)));
    assert_eq!(meta(&["b", "c"]), Some((1_000, 1)));
    assert_eq!(meta(&["b", "d"]), Some((3_000, 2)));
    assert_eq!(meta(&["b"]), None);
    assert_eq!(meta(&["e"]), None);
    assert_eq!(
        text(twin.metadata(Section::Desired)),
        r#"{"a":[3000000,2],"b":{"c":[1000000,1],"d":[3000000,2]},"e":{}}"#
    );
    // A leaf that becomes a map, and back.
    bench.merge(r#"{"desired":{"a":{"x":1},"b":7}}"#).unwrap();
    assert_eq!(
        text(bench.twin.as_ref().metadata(Section::Desired)),
        r#"{"a":{"x":[3000000,3]},"b":[3000000,3],"e":{}}"#
    );
}

#[test]
fn metadata_that_is_switched_off_goes_with_the_next_update() {
    let mut bench = Bench::new(POLICY.with_metadata(true));
    bench.merge(r#"{"desired":{"a":1}}"#).unwrap();
    bench.policy = POLICY;
    bench.merge("{}").unwrap();
    assert_eq!(bench.text(), r#"{"desired":{"a":1}}"#);
    // Switched on again, what it says is true, though not complete.
    bench.policy = POLICY.with_metadata(true);
    bench
        .merge(r#"{"desired":{"b":2,"a":{"n":null}}}"#)
        .unwrap();
    assert_eq!(
        bench.text(),
        r#"{"desired":{"a":{},"b":2},"metadata":{"desired":{"a":{},"b":[1000000,2]}}}"#
    );
}

#[test]
fn the_metadata_of_a_delta_is_a_cut_of_desireds() {
    let mut bench = Bench::new(POLICY.with_metadata(true));
    bench
        .merge(r#"{"desired":{"a":1,"b":{"c":2,"d":{"x":1}},"e":[1]}}"#)
        .unwrap();
    bench
        .at(2_000)
        .merge(r#"{"reported":{"a":1,"b":{"c":0}}}"#)
        .unwrap();
    let mut delta = Document::<256>::new();
    let mut metadata = Document::<256>::new();
    let twin = bench.twin.as_ref();
    twin.delta(&mut delta.as_mut()).unwrap();
    twin.metadata_of(Section::Desired, delta.as_ref(), &mut metadata.as_mut())
        .unwrap();
    assert_eq!(text(delta.as_ref()), r#"{"b":{"c":2,"d":{"x":1}},"e":[1]}"#);
    assert_eq!(
        text(metadata.as_ref()),
        r#"{"b":{"c":[1000000,1],"d":{"x":[1000000,1]}},"e":[1000000,1]}"#
    );
    let mut small = Document::<8>::new();
    let error = twin
        .metadata_of(Section::Desired, delta.as_ref(), &mut small.as_mut())
        .unwrap_err();
    let needed = metadata.as_bytes().len();
    assert_eq!(
        error,
        CapacityError {
            needed,
            capacity: 8
        }
    );
    assert!(small.is_empty());
}

#[test]
fn a_deleted_twin_leaves_a_tombstone_and_goes_on_two_above() {
    let mut bench = Bench::new(POLICY);
    assert_eq!(bench.delete(), Err(Rejected::NotFound));
    for _ in 0..9 {
        bench.merge(r#"{"desired":{"a":1}}"#).unwrap();
    }
    assert_eq!(bench.delete().unwrap().versions.twin, Version::new(9));
    assert!(!bench.twin.as_ref().exists());
    assert!(bench.twin.as_ref().document().is_empty());
    assert_eq!(bench.delete(), Err(Rejected::NotFound));
    assert_eq!(bench.merge(r#"{"reported":{"a":1}}"#), Ok(11));
    assert_eq!(bench.text(), r#"{"reported":{"a":1}}"#);
}

#[test]
fn a_tombstone_dies_after_its_time() {
    let mut bench = Bench::new(POLICY.with_tombstone(Duration::from_secs(100)));
    for (deleted_at, made_at, version) in [(1_000, 1_100, 3), (2_000, 2_101, 1)] {
        bench.twin = Twin::new();
        bench.at(deleted_at).merge("{}").unwrap();
        bench.delete().unwrap();
        assert_eq!(bench.at(made_at).merge("{}"), Ok(version));
    }
}

#[test]
fn preconditions_hold_or_refuse() {
    let mut bench = Bench::new(POLICY);
    let failed = Err(Rejected::PreconditionFailed);
    let none = ETag::from_bytes([0; 8]);
    // (precondition, where there is no twin, where it has version 1)
    for (precondition, absent, present) in [
        (Precondition::Any, Ok(1), Ok(2)),
        (Precondition::Absent, Ok(1), failed),
        (Precondition::Present, failed, Ok(2)),
        (Precondition::Version(Version::ZERO), Ok(1), conflict(0, 1)),
        (
            Precondition::Version(Version::new(1)),
            conflict(1, 0),
            Ok(2),
        ),
        (
            Precondition::Version(Version::new(2)),
            conflict(2, 0),
            conflict(2, 1),
        ),
        (Precondition::Match(none), failed, failed),
        (Precondition::NoneMatch(none), Ok(1), Ok(2)),
    ] {
        bench.twin = Twin::new();
        assert_eq!(bench.merge_if(precondition), absent, "{precondition:?}");
        bench.twin = Twin::new();
        bench.merge(r#"{"desired":{"a":1}}"#).unwrap();
        assert_eq!(bench.merge_if(precondition), present, "{precondition:?}");
    }
    let etag = bench.twin.as_ref().etag();
    assert_eq!(bench.merge_if(Precondition::NoneMatch(etag)), failed);
    assert_eq!(bench.merge_if(Precondition::Match(etag)), Ok(3));
}

#[test]
fn a_version_where_there_is_no_twin_means_what_the_policy_says() {
    for (meaning, ok) in [
        (VersionOfAbsent::Zero, [true, false, false]),
        (VersionOfAbsent::First, [false, true, false]),
        (VersionOfAbsent::Any, [true, true, true]),
    ] {
        for (version, ok) in (0..3).zip(ok) {
            let mut bench = Bench::new(POLICY.with_version_of_absent(meaning));
            let result = bench.merge_if(Precondition::Version(Version::new(version)));
            assert_eq!(result.is_ok(), ok, "{meaning:?} {version}");
        }
    }
}

#[test]
fn an_etag_names_the_content_without_metadata_and_versions() {
    let mut plain = Bench::new(POLICY);
    let mut stamped = Bench::new(POLICY.with_metadata(true));
    let patch = r#"{"desired":{"a":1},"tags":{"t":1}}"#;
    plain.merge(patch).unwrap();
    stamped.merge("{}").unwrap();
    stamped.merge(patch).unwrap();
    assert_eq!(plain.twin.as_ref().etag(), stamped.twin.as_ref().etag());
    let tags = plain
        .twin
        .as_ref()
        .etag_of(&[Section::Tags, Section::Desired]);
    plain.merge(r#"{"reported":{"a":1}}"#).unwrap();
    assert_ne!(plain.twin.as_ref().etag(), stamped.twin.as_ref().etag());
    assert_eq!(
        plain
            .twin
            .as_ref()
            .etag_of(&[Section::Tags, Section::Desired]),
        tags
    );
    // The same map in another section is another content.
    let mut other = Bench::new(POLICY);
    other
        .merge(r#"{"reported":{"a":1},"tags":{"t":1}}"#)
        .unwrap();
    assert_ne!(other.twin.as_ref().etag(), stamped.twin.as_ref().etag());
}

#[test]
fn a_patch_that_is_none_of_a_twin_is_rejected() {
    let mut bench = Bench::new(POLICY);
    for (patch, why) in [
        ("7", Rejected::UnknownSection),
        ("[]", Rejected::UnknownSection),
        (r#"{"delta":{}}"#, Rejected::UnknownSection),
        (r#"{"metadata":{}}"#, Rejected::UnknownSection),
        (r#"{"desired":7,"x":{}}"#, Rejected::UnknownSection),
        (r#"{"desired":7}"#, Rejected::NotAMap(Section::Desired)),
        (r#"{"reported":[]}"#, Rejected::NotAMap(Section::Reported)),
        (r#"{"tags":"a"}"#, Rejected::NotAMap(Section::Tags)),
    ] {
        assert_eq!(bench.merge(patch), Err(why), "{patch}");
    }
}

#[test]
fn who_asks_writes_only_what_the_policy_allows() {
    let patches = [
        r#"{"desired":{"a":1}}"#,
        r#"{"reported":null}"#,
        r#"{"tags":{}}"#,
        "null",
    ];
    let forbidden = |section| Err(Rejected::Forbidden(section));
    let no_reports = POLICY.with_service(Writable {
        reported: false,
        ..Writable::ALL
    });
    for (policy, origin, results) in [
        (
            POLICY,
            Origin::Device,
            [
                forbidden(Section::Desired),
                Ok(1),
                forbidden(Section::Tags),
                forbidden(Section::Tags),
            ],
        ),
        (POLICY, Origin::Service, [Ok(1); 4]),
        (POLICY, Origin::Unknown, [Ok(1); 4]),
        (
            no_reports,
            Origin::Service,
            [
                Ok(1),
                forbidden(Section::Reported),
                Ok(1),
                forbidden(Section::Reported),
            ],
        ),
        (
            POLICY.with_device(Writable::ALL),
            Origin::Device,
            [Ok(1); 4],
        ),
    ] {
        for (patch, result) in patches.into_iter().zip(results) {
            let mut bench = Bench::new(policy);
            let update = json(patch);
            let update = Update::merge(update.as_ref()).with_origin(origin);
            assert_eq!(bench.apply(&update), result, "{origin:?} {patch}");
        }
    }
}

#[test]
fn nesting_is_bounded() {
    let mut bench = Bench::new(POLICY.with_depth(2));
    assert_eq!(bench.merge(r#"{"desired":{"a":{"b":1}}}"#), Ok(1));
    let section = Section::Reported;
    let too_deep = Err(Rejected::TooDeep { section, limit: 2 });
    assert_eq!(bench.merge(r#"{"reported":{"a":{"b":{}}}}"#), too_deep);
    assert_eq!(bench.merge(r#"{"reported":{"a":{"b":[]}}}"#), too_deep);
    // However deep the policy allows: metadata nests deeper and must fit a document.
    bench.policy = POLICY.with_metadata(true).with_depth(99);
    let deepest = alloc::format!("{}1{}", r#"{"a":"#.repeat(13), "}".repeat(13));
    let beyond = alloc::format!("{}1{}", r#"{"a":"#.repeat(14), "}".repeat(14));
    bench
        .merge(&alloc::format!(r#"{{"desired":{deepest}}}"#))
        .unwrap();
    assert_eq!(
        bench.merge(&alloc::format!(r#"{{"desired":{beyond}}}"#)),
        Err(Rejected::TooDeep {
            section: Section::Desired,
            limit: 13
        })
    );
    let mut record = [0; 512];
    let len = bench.twin.as_ref().write_record(&mut record).unwrap();
    assert_eq!(
        TwinRef::from_record(&record[..len]),
        Ok(bench.twin.as_ref())
    );
}

#[test]
fn null_in_an_array_is_refused_where_the_policy_says_so() {
    for (patch, bad) in [
        (r#"{"desired":{"a":[1,2]}}"#, false),
        (r#"{"desired":{"a":[1,null]}}"#, true),
        (r#"{"desired":{"b":1,"a":{"c":[[1],[{"d":null}]]}}}"#, true),
        (r#"{"desired":{"a":[[1]],"b":null}}"#, false),
        (r#"{"desired":{"a":[{"x":1}],"b":{"c":null}}}"#, false),
    ] {
        let mut bench = Bench::new(POLICY);
        assert_eq!(bench.merge(patch), Ok(1), "{patch}");
        let mut bench = Bench::new(POLICY.with_null_in_arrays(false));
        let refused = Err(Rejected::NullInArray(Section::Desired));
        assert_eq!(
            bench.merge(patch),
            if bad { refused } else { Ok(1) },
            "{patch}"
        );
    }
}

#[test]
fn sizes_are_limited_as_the_service_counts() {
    fn leaves(section: DocumentRef<'_>) -> usize {
        section.leaves().count()
    }
    let too_large = |size, limit| Err(Rejected::TooLarge { size, limit });
    let limits = SizeLimits::new(leaves, 1)
        .with_state(4)
        .with_each(3)
        .with_tags(1);
    let mut bench = Bench::new(POLICY.with_sizes(limits));
    assert_eq!(
        bench.merge(r#"{"desired":{"a":1,"b":2},"reported":{"a":1,"b":2}}"#),
        Ok(1)
    );
    assert_eq!(bench.merge(r#"{"desired":{"c":1}}"#), too_large(5, 4));
    assert_eq!(bench.merge(r#"{"desired":{"c":1,"d":1}}"#), too_large(4, 3));
    assert_eq!(
        bench.merge(r#"{"desired":{"c":1},"reported":{"a":null}}"#),
        Ok(2)
    );
    assert_eq!(bench.merge(r#"{"tags":{"a":1,"b":1}}"#), too_large(2, 1));
    assert_eq!(bench.merge(r#"{"tags":{"a":1}}"#), Ok(3));
}

#[test]
fn a_twin_too_large_for_its_buffer_is_rejected_with_what_it_needs() {
    let mut next = Twin::<32>::new();
    let patch = json(r#"{"desired":{"text":"0123456789012345678901234567890123456789"}}"#);
    let update = Update::merge(patch.as_ref());
    let apply = |policy: &Policy, next: &mut Twin<32>| {
        twin::apply(
            TwinRef::ABSENT,
            &update,
            Timestamp::EPOCH,
            policy,
            &mut next.as_mut(),
        )
    };
    let needed = patch.as_bytes().len();
    assert_eq!(
        apply(&POLICY, &mut next),
        Err(Rejected::Capacity(CapacityError {
            needed,
            capacity: 32
        }))
    );
    assert_eq!(next, Twin::new());
    // The twin fits, its metadata does not.
    let patch = json(r#"{"desired":{"a":1}}"#);
    let update = Update::merge(patch.as_ref());
    let result = twin::apply(
        TwinRef::ABSENT,
        &update,
        Timestamp::EPOCH,
        &POLICY.with_metadata(true),
        &mut next.as_mut(),
    );
    assert!(matches!(result, Err(Rejected::Capacity(_))));
    assert_eq!(next, Twin::new());
}

#[test]
fn checks_come_in_their_documented_order() {
    let policy = POLICY
        .with_depth(2)
        .with_null_in_arrays(false)
        .with_sizes(SizeLimits::NONE.with_each(20));
    let long = "0123456789012345678901234567890123456789";
    // Each patch breaks what the next one breaks, and one thing more.
    let patches = [
        (
            alloc::format!(r#"{{"reported":{{"z":"{long}"}}}}"#),
            "TooLarge",
        ),
        (
            alloc::format!(r#"{{"reported":{{"z":"{long}","a":[null]}}}}"#),
            "NullInArray",
        ),
        (
            r#"{"reported":{"a":[null],"b":{"c":{}}}}"#.into(),
            "TooDeep",
        ),
        (
            r#"{"reported":{"a":[null],"b":{"c":{}}},"tags":{}}"#.into(),
            "Forbidden",
        ),
        (
            r#"{"reported":{"b":{"c":{}}},"tags":{},"desired":1}"#.into(),
            "NotAMap",
        ),
        (
            r#"{"reported":{},"tags":{},"desired":1,"x":1}"#.into(),
            "UnknownSection",
        ),
    ];
    for (patch, name) in &patches {
        let mut bench = Bench::new(policy);
        let patch = json(patch);
        let update = Update::merge(patch.as_ref()).with_origin(Origin::Device);
        let rejected = bench.apply(&update).unwrap_err();
        assert!(
            alloc::format!("{rejected:?}").starts_with(name),
            "{name}: {rejected:?}"
        );
        let stale = update.with_precondition(Precondition::Version(Version::new(5)));
        assert_eq!(bench.apply(&stale), conflict(5, 0));
    }
    let mut bench = Bench::new(POLICY.with_create(false));
    assert_eq!(bench.merge("7"), Err(Rejected::NotFound));
}

#[test]
fn records_of_another_making_are_refused() {
    let reseal = |mut body: alloc::vec::Vec<u8>| {
        let hash = super::super::etag::hash(&body);
        let check = u32::try_from((hash ^ (hash >> 32)) & 0xFFFF_FFFF).unwrap();
        body.extend_from_slice(&check.to_le_bytes());
        body
    };
    let refused = |head: &[u8], document: &str| {
        let mut body = head.to_vec();
        body.extend_from_slice(json(document).as_bytes());
        TwinRef::from_record(&reseal(body)).is_err()
    };
    let head = [0xA3, 0, 1, 1, 0, 0];
    assert!(!refused(&head, r#"{"desired":{"a":1}}"#));
    assert!(!refused(&[0xA2, 0, 1, 1, 0, 0], "{}"));
    assert!(
        refused(&[0xA2, 0, 1, 1, 0, 0], r#"{"desired":{"a":1}}"#),
        "tombstone with a content"
    );
    assert!(refused(&[0xA1, 0, 1, 1, 0], "{}"), "unknown format");
    assert!(
        refused(&[0xA3, 0x80, 0, 1, 1, 0, 0], "{}"),
        "counter not in its shortest form"
    );
    for document in [
        "7",
        "null",
        r#"{"desired":{}}"#,
        r#"{"desired":1}"#,
        r#"{"other":{"a":1}}"#,
        r#"{"desired":{"a":null}}"#,
        r#"{"desired":{"a":{"b":null}}}"#,
        r#"{"metadata":{}}"#,
        r#"{"metadata":{"desired":{"a":[1,1]}}}"#,
        r#"{"desired":{"a":1},"metadata":{"desired":{"a":[1]}}}"#,
        r#"{"desired":{"a":1},"metadata":{"desired":{"a":[1,1,1]}}}"#,
        r#"{"desired":{"a":1},"metadata":{"desired":{"a":[1,-1]}}}"#,
        r#"{"desired":{"a":1},"metadata":{"desired":{"a":{}}}}"#,
        r#"{"desired":{"a":{}},"metadata":{"desired":{"a":[1,1]}}}"#,
        r#"{"desired":{"a":1},"metadata":{"desired":{"b":[1,1]}}}"#,
        r#"{"tags":{"a":1},"metadata":{"tags":{"a":[1,1]}}}"#,
    ] {
        assert!(refused(&head, document), "{document}");
    }
    assert!(!refused(&head, r#"{"desired":{"a":[null]}}"#));
    assert!(!refused(
        &head,
        r#"{"desired":{"a":1,"b":{"c":2}},"metadata":{"desired":{"b":{"c":[1,1]}}}}"#
    ));
}

#[test]
fn only_what_removes_an_entry_of_desired_ends_what_patches_can_tell() {
    // Each update after the desired {"a":{"b":1},"e":{},"x":1}, and the patch since then.
    let cases = [
        (r#"{"desired":{"x":2}}"#, Some(r#"{"e":{},"x":2}"#)),
        (
            r#"{"desired":{"a":{"c":3}}}"#,
            Some(r#"{"a":{"c":3},"e":{}}"#),
        ),
        (
            r#"{"desired":{"x":{"y":1}}}"#,
            Some(r#"{"e":{},"x":{"y":1}}"#),
        ),
        (
            r#"{"desired":{"n":{"m":{}}}}"#,
            Some(r#"{"e":{},"n":{"m":{}}}"#),
        ),
        (r#"{"desired":{"e":7}}"#, Some(r#"{"e":7}"#)),
        (
            r#"{"desired":{"nothing":null,"a":{"nothing":null}}}"#,
            Some(r#"{"e":{}}"#),
        ),
        (r#"{"desired":{"x":null}}"#, None),
        (r#"{"desired":{"a":{"b":null}}}"#, None),
        (r#"{"desired":{"a":1}}"#, None),
        (r#"{"desired":null}"#, None),
        ("null", None),
        (
            r#"{"reported":{"x":null},"tags":null}"#,
            Some(r#"{"e":{}}"#),
        ),
    ];
    let first = json(r#"{"desired":{"a":{"b":1},"e":{},"x":1}}"#);
    let policy = Policy::new().with_metadata(true);
    let mut then = Twin::<N>::new();
    let now = Timestamp::EPOCH;
    twin::apply(
        TwinRef::ABSENT,
        &Update::merge(first.as_ref()),
        now,
        &policy,
        &mut then.as_mut(),
    )
    .unwrap();
    let since_first = |update: &Update<'_>, policy: &Policy| {
        let mut twin = Twin::<N>::new();
        twin::apply(then.as_ref(), update, now, policy, &mut twin.as_mut()).unwrap();
        let mut patch = Document::<N>::new();
        let version = then.as_ref().versions().desired;
        let told = twin.as_ref().desired_since(version, &mut patch.as_mut());
        told.unwrap().then(|| text(patch.as_ref()))
    };
    for (update, patch) in cases {
        let update_document = json(update);
        let update_given = Update::merge(update_document.as_ref());
        assert_eq!(
            since_first(&update_given, &policy).as_deref(),
            patch,
            "{update}"
        );
        if update.contains("desired") {
            let replace = update_given.with_mode(Mode::Replace);
            assert_eq!(since_first(&replace, &policy), None, "{update}");
            let none = since_first(&update_given, &Policy::new());
            assert_eq!(none, None, "no stamps");
        }
    }
}

#[test]
fn a_twin_made_anew_tells_nobody_what_changed_since_the_deleted_one() {
    let patch = json(r#"{"desired":{"a":1}}"#);
    let update = Update::merge(patch.as_ref());
    let policy = Policy::new().with_metadata(true);
    let now = Timestamp::EPOCH;
    let (mut twin, mut next) = (Twin::<N>::new(), Twin::<N>::new());
    twin::apply(twin.as_ref(), &update, now, &policy, &mut next.as_mut()).unwrap();
    let known = next.as_ref().versions().desired;
    twin::delete(next.as_ref(), Precondition::Any, now, &mut twin.as_mut()).unwrap();
    twin::apply(twin.as_ref(), &update, now, &policy, &mut next.as_mut()).unwrap();
    let mut patch = Document::<N>::new();
    assert_eq!(
        next.as_ref().desired_since(known, &mut patch.as_mut()),
        Ok(false)
    );
    assert!(
        next.as_ref()
            .desired_since(known.next(), &mut patch.as_mut())
            .unwrap()
    );
    let small = &mut Document::<4>::new();
    let too_small = next
        .as_ref()
        .desired_since(known.next(), &mut small.as_mut());
    assert_eq!(
        too_small.unwrap_err().needed,
        patch.as_ref().as_bytes().len()
    );
}

#[test]
fn an_update_may_be_for_one_version_of_a_section() {
    let patch = json(r#"{"reported":{"a":1}}"#);
    let update = Update::merge(patch.as_ref());
    let now = Timestamp::EPOCH;
    let policy = Policy::new();
    let (mut twin, mut next) = (Twin::<N>::new(), Twin::<N>::new());
    twin::apply(TwinRef::ABSENT, &update, now, &policy, &mut twin.as_mut()).unwrap();
    let mut attempt = |twin: &Twin<N>, section, version| {
        let precondition = Precondition::SectionVersion(section, Version::new(version));
        let update = update.with_precondition(precondition);
        twin::apply(twin.as_ref(), &update, now, &policy, &mut next.as_mut()).map(|_| ())
    };
    let failed = Err(Rejected::PreconditionFailed);
    assert_eq!(attempt(&twin, Section::Reported, 1), Ok(()));
    assert_eq!(attempt(&twin, Section::Reported, 2), failed);
    assert_eq!(attempt(&twin, Section::Desired, 0), Ok(()));
    assert_eq!(attempt(&twin, Section::Desired, 1), failed);
    assert_eq!(attempt(&twin, Section::Tags, 0), failed);
    assert_eq!(attempt(&Twin::new(), Section::Reported, 0), Ok(()));
}

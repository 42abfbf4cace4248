use proptest::prelude::*;

use crate::document::{Document, DocumentRef};
use crate::error::BufferTooSmall;
use crate::storage::{Part, SchemaId, Snapshot, SnapshotError};
use crate::twin::{Version, Versions};

const SCHEMA: SchemaId = SchemaId(0x1234_5678);

fn document(key: &str, value: i64) -> Document<64> {
    let mut document = Document::new();
    document.set(&[key], value).unwrap();
    document
}

/// Writes a snapshot of three documents and hands its bytes on.
fn with_bytes<T>(use_bytes: impl FnOnce(&Snapshot<'_>, &mut [u8]) -> T) -> T {
    let (desired, reported, acknowledged) =
        (document("d", 1), document("r", 22), document("ack", -3));
    let snapshot = Snapshot {
        desired: desired.as_ref(),
        reported: reported.as_ref(),
        acknowledged: acknowledged.as_ref(),
        versions: Versions {
            twin: Version::new(3),
            desired: Version::new(u64::MAX),
            reported: Version::new(1),
        },
        next_request: 77,
    };
    let mut buffer = [0xEE; 256];
    let len = snapshot.write(SCHEMA, &mut buffer).unwrap();
    assert_eq!(len, snapshot.encoded_len());
    assert!(buffer[len..].iter().all(|byte| *byte == 0xEE));
    use_bytes(&snapshot, &mut buffer[..len])
}

#[test]
fn what_is_written_is_read() {
    with_bytes(|snapshot, bytes| {
        assert_eq!(Snapshot::read(bytes, SCHEMA).as_ref(), Ok(snapshot));
    });
}

#[test]
fn the_bytes_are_those_of_the_table() {
    with_bytes(|snapshot, bytes| {
        assert_eq!(bytes[..4], *b"tS\x01\x01");
        assert_eq!(bytes[4..8], SCHEMA.0.to_le_bytes());
        assert_eq!(bytes[8..12], 77_u32.to_le_bytes());
        assert_eq!(bytes[12..20], 3_u64.to_le_bytes());
        assert_eq!(bytes[20..28], u64::MAX.to_le_bytes());
        assert_eq!(bytes[28..36], 1_u64.to_le_bytes());
        let desired = snapshot.desired.as_bytes();
        assert_eq!(
            bytes[36..38],
            u16::try_from(desired.len()).unwrap().to_le_bytes()
        );
        assert_eq!(bytes[42..42 + desired.len()], *desired);
    });
}

#[test]
fn reported_takes_no_bytes_where_it_is_acknowledged() {
    with_bytes(|snapshot, _| {
        let less = snapshot.without_reported();
        let saved = snapshot.encoded_len() - less.encoded_len();
        assert_eq!(saved, snapshot.reported.as_bytes().len());
        let mut buffer = [0; 256];
        let len = less.write(SCHEMA, &mut buffer).unwrap();
        let read = Snapshot::read(&buffer[..len], SCHEMA).unwrap();
        assert_eq!(read, less);
        assert_eq!(read.reported, snapshot.acknowledged);
    });
}

#[test]
fn a_buffer_that_is_too_small_says_what_is_needed_and_stays_as_it_was() {
    with_bytes(|snapshot, bytes| {
        let needed = bytes.len();
        for len in 0..needed {
            let mut buffer = [0xEE; 256];
            let error = snapshot.write(SCHEMA, &mut buffer[..len]);
            assert_eq!(error, Err(BufferTooSmall { needed }));
            assert_eq!(buffer, [0xEE; 256]);
        }
    });
}

#[test]
fn another_schema_or_format_is_named() {
    with_bytes(|_, bytes| {
        let other = Snapshot::read(bytes, SchemaId(5));
        assert_eq!(other, Err(SnapshotError::OtherSchema { found: SCHEMA }));
        bytes[2] = 9;
        let unknown = Snapshot::read(bytes, SCHEMA);
        assert_eq!(unknown, Err(SnapshotError::UnknownFormat { format: 9 }));
        bytes[0] = 0;
        assert_eq!(
            Snapshot::read(bytes, SCHEMA),
            Err(SnapshotError::NotASnapshot)
        );
    });
}

#[test]
fn what_is_whole_and_wrong_is_refused_all_the_same() {
    with_bytes(|_, bytes| {
        let wrong = |at: usize, new: u8| {
            let mut bytes = bytes.to_vec();
            bytes[at] = new;
            let (body, sum) = bytes.split_last_chunk_mut().unwrap();
            *sum = super::super::check::Check::new().over(body).sum();
            Snapshot::read(&bytes, SCHEMA).map(|_| ())
        };
        assert_eq!(wrong(3, 0), Err(SnapshotError::Length));
        assert_eq!(wrong(3, 2), Err(SnapshotError::Length));
        assert_eq!(wrong(36, 200), Err(SnapshotError::Length));
        assert!(matches!(
            wrong(42, 0xC3),
            Err(SnapshotError::Document(Part::Desired, _))
        ));
    });
    let list = {
        let mut list = Document::<16>::new();
        let mut builder = list.build();
        builder.begin_array().unwrap();
        builder.end().unwrap();
        builder.finish().unwrap();
        list
    };
    let snapshot = Snapshot {
        desired: DocumentRef::EMPTY,
        reported: list.as_ref(),
        acknowledged: DocumentRef::EMPTY,
        versions: Versions::ZERO,
        next_request: 0,
    };
    let mut buffer = [0; 128];
    let len = snapshot.write(SCHEMA, &mut buffer).unwrap();
    assert_eq!(
        Snapshot::read(&buffer[..len], SCHEMA),
        Err(SnapshotError::NotASection(Part::Reported))
    );
}

#[test]
fn a_part_of_a_snapshot_is_none() {
    with_bytes(|_, bytes| {
        for len in 0..bytes.len() {
            assert!(
                Snapshot::read(&bytes[..len], SCHEMA).is_err(),
                "{len} bytes"
            );
        }
    });
}

proptest! {
    #[test]
    fn flipped_bits_are_found(flips in prop::collection::vec((0_usize..1000, 0_u32..8), 1..6)) {
        with_bytes(|snapshot, bytes| {
            let before = bytes.to_vec();
            for (at, bit) in flips {
                bytes[at % before.len()] ^= 1 << bit;
            }
            match Snapshot::read(bytes, SCHEMA) {
                Ok(read) => prop_assert!(bytes == before && read == *snapshot),
                Err(_) => prop_assert!(bytes != before),
            }
            Ok(())
        })?;
    }

    #[test]
    fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..200), seal: bool) {
        if seal && bytes.len() >= 8 {
            bytes[..4].copy_from_slice(b"tS\x01\x01");
            let (body, sum) = bytes.split_last_chunk_mut().unwrap();
            *sum = super::super::check::Check::new().over(body).sum();
        }
        let _ = Snapshot::read(&bytes, SCHEMA);
    }
}

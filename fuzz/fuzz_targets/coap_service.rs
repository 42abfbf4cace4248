//! The CoAP service's side: any datagram is answered or refused by a response that is well-formed; who is one device
//! reads and writes its own twins only, and never a tag.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::coap::{
    Access, Body, Code, Message, MessageWriter, Names, Service, Type, Uploads, option,
};
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, InMemory};
use twinsync::protocol::{self, TwinId, UpdateRequest};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::Update;
use twinsync_fuzz::Input;

const SEGMENTS: [&[u8]; 8] = [
    b"twins",
    b"lamp",
    b"other",
    b"desired",
    b"reported",
    b"tags",
    b"delta",
    b"n",
];
const OPTIONS: [u16; 14] = [1, 4, 5, 6, 12, 14, 17, 23, 27, 28, 60, 65_012, 9, 2_049];
const SECRET: &str = "hidden";

fuzz_target!(|bytes: &[u8]| {
    let service = Service::new("twins").with_block_size(64);
    let mut config = Config::new();
    config.notify.delta = false;
    let mut hub = HubEngine::<_, 2048>::new(InMemory::new(), config);
    let mut uploads = Uploads::<u8, 2, 512>::new();
    for device in ["lamp", "other"] {
        let mut patch = Document::<128>::new();
        patch.set(&["tags", "a"], SECRET).expect("room");
        patch.set(&["desired", "a"], 1).expect("room");
        let update = Update::merge(patch.as_ref());
        let message = protocol::Message::Update(UpdateRequest { id: None, update });
        let id = TwinId::new(device, None).expect("a name");
        hub.handle_message(Now::default(), id, message)
            .expect("drained, and a request");
        while let Some(transmit) = hub.poll_transmit() {
            transmit.sent();
        }
    }
    let other = stored(&hub, "other");
    let mut input = Input::new(bytes);
    let mut seconds = 0;
    while !input.is_empty() {
        seconds += 1;
        let datagram = if input.byte() == 0 {
            input.bytes(255).to_vec()
        } else {
            request(&mut input)
        };
        let Ok(message) = Message::parse(&datagram) else {
            continue;
        };
        let now = Now::new(
            Instant::from_millis(seconds * 1_000),
            Timestamp::from_secs(seconds),
        );
        let mut out = [0; 512];
        let mut writer = MessageWriter::new(&mut out, Type::Acknowledgement, Code::EMPTY, 1, b"t");
        let (mut names, mut scratch) = (Names::new(), Document::<1024>::new());
        let (mut shown, mut text) = (Document::<2048>::new(), [0; 4_096]);
        let decoded = match uploads.take(now.instant, input.byte() % 3, &message) {
            Ok(Body::Whole(body)) => {
                let access = Access::Device("lamp");
                service.decode(access, &message, body, &mut names, scratch.as_mut())
            }
            Ok(Body::Partial(block)) => {
                service.proceed(block, &mut writer).expect("room enough");
                continue;
            }
            Err(refusal) => Err(refusal),
        };
        match decoded {
            Ok(mut call) => {
                assert_eq!(call.id.device(), "lamp");
                if call.reply.observe() == Some(true) {
                    call.reply.registered(seconds as u32);
                }
                hub.handle_message(now, call.id, call.message)
                    .expect("drained, and a request");
                while let Some(transmit) = hub.poll_transmit() {
                    service
                        .encode(
                            &call.reply,
                            &transmit.message,
                            shown.as_mut(),
                            &mut text,
                            &mut writer,
                        )
                        .expect("room enough, and all have words");
                    transmit.sent();
                }
            }
            Err(refusal) => {
                service.refuse(&refusal, &mut writer).expect("room enough");
            }
        }
        let len = writer.finish().expect("room enough");
        let answer = Message::parse(&out[..len]).expect("well-formed");
        assert!(answer.code().is_response());
        assert!(!String::from_utf8_lossy(answer.payload()).contains(SECRET));
    }
    assert_eq!(other, stored(&hub, "other"), "isolated");
    let mine = stored(&hub, "lamp");
    assert!(mine.iter().any(|twin| twin.contains(SECRET)), "tags stay");
});

fn request(input: &mut Input<'_>) -> Vec<u8> {
    let mut options: Vec<(u16, Vec<u8>)> = Vec::new();
    for _ in 0..input.below(6) {
        let segment = SEGMENTS[input.below(SEGMENTS.len())];
        options.push((option::URI_PATH, segment.to_vec()));
    }
    for _ in 0..input.below(5) {
        let number = OPTIONS[input.below(OPTIONS.len())];
        let len = input.below(9);
        options.push((number, input.bytes(len).to_vec()));
    }
    options.sort_by_key(|(number, _)| *number);
    let mut out = [0; 1_024];
    let code = Code::new(1 + input.byte() % 7);
    let mut writer = MessageWriter::new(&mut out, Type::Confirmable, code, 1, b"t");
    for (number, value) in &options {
        writer.option(*number, value);
    }
    writer.payload(input.bytes(200));
    let len = writer.finish().expect("room enough");
    out[..len].to_vec()
}

/// The twins of a device, as text.
fn stored(hub: &HubEngine<InMemory, 2048>, device: &str) -> Vec<String> {
    hub.registry()
        .iter()
        .filter(|(id, _)| id.device() == device && id.name().is_none())
        .map(|(_, twin)| format!("{twin:?}"))
        .collect()
}

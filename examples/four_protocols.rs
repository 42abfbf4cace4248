//! One application, four protocols, one twin.
//!
//! `cargo run --release --example four_protocols` lets the same application function live the same story (see
//! `examples/common/lamp.rs`: configuration, reports, a refusal, removed keys, two days offline, a restart) over
//! AWS, Azure, the native dialect and CoAP, each with its bytes on a simulated link, and prints what it took and
//! how the twin is at the end. No network is touched.
//!
//! `-- --link perfect|wifi|cellular|satellite|hostile` chooses the link, `-- --seed N` its chance. If the twins
//! differ at the end, the program exits with 1.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "rules for firmware; this is a program for a host"
)]

#[path = "common/lamp.rs"]
mod lamp;

use core::error::Error;
use std::process::ExitCode;

use lamp::Lamp;
use twinsync::codec::json;
use twinsync::sim::{Conditions, Language};
use twinsync::twin::{Section, Versions};

fn main() -> ExitCode {
    let done = arguments().and_then(|(seed, link)| tell(seed, link));
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn tell(seed: u64, link: Conditions) -> Result<ExitCode, Box<dyn Error>> {
    println!("protocol          messages    bytes  versions: twin, desired, reported");
    let endings = [
        end("AWS, MQTT", lamp::over_aws(seed, link))?,
        end("Azure, MQTT", lamp::over_azure(seed, link))?,
        end("native, MQTT", lamp::over_native(seed, link))?,
        end("CoAP, CBOR", lamp::over_coap(seed, link))?,
    ];
    let names = ["AWS", "Azure", "native", "CoAP"];
    println!();
    for (name, twin) in names.iter().zip(&endings) {
        for (section, document) in twin {
            println!("{name:<7} {section:<9} {document}");
        }
    }
    println!();
    let [first, rest @ ..] = &endings;
    if rest.iter().all(|other| other == first) {
        println!("The four twins are equal.");
        Ok(ExitCode::SUCCESS)
    } else {
        eprintln!("The four twins differ.");
        Ok(ExitCode::FAILURE)
    }
}

/// The sections of a twin, as text.
type Sections = Vec<(&'static str, String)>;

/// Tells the story and returns the twin that the service has at its end.
fn end<L: Language>(name: &str, mut lamp: Lamp<L>) -> Result<Sections, Box<dyn Error>> {
    lamp::live(&mut lamp)?;
    let twin = lamp.twin();
    let Versions {
        twin: whole,
        desired,
        reported,
    } = twin.versions();
    let (messages, bytes) = (lamp.messages(), lamp.bytes());
    println!("{name:<16} {messages:>9} {bytes:>8}  {whole:>14} {desired:>8} {reported:>9}");
    let sections = [Section::Desired, Section::Reported, Section::Tags];
    sections
        .map(|section| {
            let document = twin.section(section);
            let mut text = vec![0; 2 * document.as_bytes().len() + 64];
            let len = json::write(document, &mut text)?;
            text.truncate(len);
            Ok((section.key(), String::from_utf8(text)?))
        })
        .into_iter()
        .collect()
}

/// The seed and the link.
fn arguments() -> Result<(u64, Conditions), Box<dyn Error>> {
    use lexopt::Arg::{Long, Short, Value};
    use lexopt::ValueExt as _;

    let (mut seed, mut link) = (1, Conditions::perfect());
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seed") => {
                let text = parser.value()?.string()?;
                seed = text
                    .parse()
                    .map_err(|_| format!("--seed {text}: a whole number is expected"))?;
            }
            Long("link") => link = named(&parser.value()?.string()?)?,
            other @ (Short(_) | Long(_) | Value(_)) => return Err(other.unexpected().into()),
        }
    }
    Ok((seed, link))
}

fn named(link: &str) -> Result<Conditions, String> {
    Ok(match link {
        "perfect" => Conditions::perfect(),
        "wifi" => Conditions::wifi(),
        "cellular" => Conditions::cellular(),
        "satellite" => Conditions::satellite(),
        "hostile" => Conditions::hostile(),
        _ => {
            return Err(format!(
                "--link {link}: perfect, wifi, cellular, satellite or hostile"
            ));
        }
    })
}

//! One application over four protocols, and what is said to an argument that is none.

use crate::running::Running;

#[test]
fn four_protocols_end_with_one_twin() {
    for link in ["perfect", "cellular"] {
        let (lines, code) = Running::start("four_protocols", &["--link", link]).finish();
        assert_eq!(code, Some(0), "{lines:#?}");
        for protocol in ["AWS, MQTT", "Azure, MQTT", "native, MQTT", "CoAP, CBOR"] {
            let told = lines.iter().any(|line| line.starts_with(protocol));
            assert!(told, "nothing is told of {protocol}: {lines:#?}");
        }
        let last = lines.last().map(String::as_str);
        assert_eq!(last, Some("The four twins are equal."));
    }
}

#[test]
fn four_protocols_names_an_argument_that_it_does_not_know() {
    for (arguments, named) in [
        (&["--link", "string"][..], "string"),
        (&["--link"], "--link"),
        (&["--seed", "-1"], "-1"),
        (&["--speed"], "--speed"),
        (&["mqtt"], "mqtt"),
    ] {
        let (lines, code) = Running::start("four_protocols", arguments).finish();
        assert_eq!(code, Some(1), "{lines:#?}");
        let told = lines.iter().any(|line| line.contains(named));
        assert!(told && lines.len() == 1, "{lines:#?}");
    }
}

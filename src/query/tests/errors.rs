//! Texts that are no queries: where they stop, and what is said.

use alloc::format;
use alloc::string::ToString;

use crate::query::{Condition, Dialect, Expected, ParseError, Query};

fn condition(text: &str) -> ParseError {
    Condition::<64>::parse(text, Dialect::TWIN).unwrap_err()
}

fn query(text: &str) -> ParseError {
    Query::<64>::parse(text, Dialect::TWIN).unwrap_err()
}

#[test]
fn a_condition_says_at_which_column_what_was_expected() {
    for (text, column, expected) in [
        ("", 1, Expected::Operand),
        ("tags.floor = ", 14, Expected::Operand),
        ("tags.floor == 3", 13, Expected::Operand),
        ("tags.floor 3", 12, Expected::Operator),
        ("tags.ä = 3 3", 12, Expected::Operator),
        ("tags.floor = 3)", 15, Expected::Operator),
        ("(tags.floor = 3", 16, Expected::ClosingParenthesis),
        ("(1, 2)", 3, Expected::ClosingParenthesis),
        ("tags. = 3", 6, Expected::Name),
        ("tags.[[a b = 3", 15, Expected::ClosingQuote),
        ("tags.[[]] = 3", 8, Expected::Name),
        ("tags[x] = 3", 6, Expected::WholeNumber),
        ("tags[1 = 3", 7, Expected::ClosingBracket),
        ("tags.floor IN 3", 15, Expected::OpeningBracket),
        ("tags.floor IN [3, tags.x]", 19, Expected::Literal),
        ("tags.floor NIN [3 4]", 19, Expected::ClosingBracket),
        ("tags.site = 'north", 19, Expected::EndOfText),
        ("tags.site = 'a\\q'", 15, Expected::Escape),
        ("/* no end", 10, Expected::EndOfComment),
        ("1.2.3 = 1", 1, Expected::Number),
        ("12345678901234567890123 = 1", 1, Expected::ShorterNumber),
        ("tags.x = 3 + 'a'", 14, Expected::Number),
        ("3 = 'a'", 5, Expected::Comparable),
        ("NOT 'a'", 5, Expected::Boolean),
        ("tags.x AND length('a')", 12, Expected::Boolean),
        ("length(3) = 1", 8, Expected::Text),
        ("length() = 1", 8, Expected::Arguments),
        ("length(tags.x, 3) = 1", 14, Expected::Arguments),
        ("power(2) = 1", 8, Expected::Arguments),
        ("nonsense(2) = 1", 1, Expected::Operand),
        ("tags.x = and", 10, Expected::Operand),
        ("tags.x LIKE 'a%'", 8, Expected::Operator),
        ("@x", 1, Expected::Operand),
    ] {
        assert_eq!(condition(text), ParseError { column, expected }, "{text}");
    }
}

#[test]
fn a_query_says_at_which_column_what_was_expected() {
    for (text, column, expected) in [
        ("", 1, Expected::KeywordSelect),
        ("SELCT * FROM devices", 1, Expected::KeywordSelect),
        ("SELECT FROM devices", 8, Expected::Column),
        ("SELECT * FORM devices", 10, Expected::From),
        ("SELECT deviceId, FROM devices", 18, Expected::Column),
        ("SELECT * FROM twins", 15, Expected::Source),
        ("SELECT * FROM devices.twins", 23, Expected::Source),
        ("SELECT * FROM devices WHERE", 28, Expected::Operand),
        (
            "SELECT * FROM devices WHERE tags.x = 1 1",
            40,
            Expected::Operator,
        ),
        (
            "SELECT * FROM devices WERE tags.x = 1",
            23,
            Expected::TheEnd,
        ),
        ("SELECT TOP 1.5 * FROM devices", 12, Expected::WholeNumber),
        ("SELECT TOP 1 * FROM devices TOP 2", 29, Expected::TheEnd),
        (
            "SELECT COUNT(*) FROM devices",
            14,
            Expected::ClosingParenthesis,
        ),
        ("SELECT MEDIAN(tags.x) FROM devices", 8, Expected::Column),
        ("SELECT SUM() FROM devices", 12, Expected::Path),
        (
            "SELECT tags.a.x, tags.b.x FROM devices",
            18,
            Expected::AnotherName,
        ),
        ("SELECT tags.a AS FROM devices", 23, Expected::From),
        ("SELECT tags.a AS 3 FROM devices", 18, Expected::Name),
        (
            "SELECT tags.a, COUNT() FROM devices",
            8,
            Expected::GroupedColumn,
        ),
        (
            "SELECT * FROM devices GROUP BY tags.a",
            8,
            Expected::GroupedColumn,
        ),
        (
            "SELECT COUNT() FROM devices GROUP tags.a",
            35,
            Expected::KeywordBy,
        ),
        (
            "SELECT COUNT() AS n FROM devices ORDER BY tags.a",
            43,
            Expected::GroupedColumn,
        ),
        ("SELECT * FROM devices ORDER BY", 31, Expected::Path),
        (
            "SELECT * FROM devices ORDER BY tags.a UP",
            39,
            Expected::TheEnd,
        ),
    ] {
        assert_eq!(query(text), ParseError { column, expected }, "{text}");
    }
}

#[test]
fn what_is_too_much_is_refused_in_words() {
    let nested = format!("{}1 = 1{}", "(".repeat(40), ")".repeat(40));
    assert_eq!(condition(&nested).expected, Expected::LessNesting);
    let right = format!("1 = {}1{}", "(1 + ".repeat(20), ")".repeat(20));
    assert_eq!(condition(&right).expected, Expected::LessNesting);
    let long = format!("tags.x = '{}'", "ä".repeat(8192));
    assert_eq!(
        (condition(&long).expected, condition(&long).column),
        (Expected::ShorterQuery, 8193)
    );
    let fits = format!("tags.x = '{}'", "ä".repeat(8181));
    assert!(Condition::<8>::parse(&fits, Dialect::TWIN).is_ok());
    let many = ["tags.x = 1"; 20].join(" OR ");
    let error = condition(&many);
    assert_eq!(error.expected, Expected::FewerParts);
    assert!(Condition::<160>::parse(&many, Dialect::TWIN).is_ok());
    assert!(
        error
            .to_string()
            .ends_with("more parts than there is room for")
    );
    let escaped = format!("tags.x = '\\n{}'", "a".repeat(300));
    assert_eq!(condition(&escaped).expected, Expected::ShorterText);
}

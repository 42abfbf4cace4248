//! Decimals against wide integers and doubles.

use proptest::prelude::*;
use std::string::ToString;

use crate::document::{Document, Number};
use crate::query::decimal::Decimal;
use crate::query::{Condition, Dialect};

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

fn shown(value: Option<Decimal>) -> std::string::String {
    match value {
        None => "undefined".to_string(),
        Some(Decimal::Finite(number)) => number.to_string(),
        Some(Decimal::Infinite { negative: false }) => "inf".to_string(),
        Some(Decimal::Infinite { negative: true }) => "-inf".to_string(),
    }
}

#[test]
fn results_are_exact_or_rounded_to_eighteen_digits() {
    let cases = [
        ("0.1", '+', "0.2", "0.3"),
        ("1e20", '+', "9000000000000000001", "109000000000000000000"),
        ("1e40", '+', "-1", "1e40"),
        ("9223372036854775807", '+', "0", "9223372036854775807"),
        ("9223372036854775807", '+', "1", "9223372036854775810"),
        ("1", '-', "1", "0"),
        ("3", '*', "0.5", "1.5"),
        ("1e100", '*', "1e100", "inf"),
        ("-1e100", '*', "1e100", "-inf"),
        ("1e-100", '*', "1e-100", "0"),
        (
            "123456789012345678",
            '*',
            "1000000000000000001",
            "123456789012345678e18",
        ),
        ("1", '/', "3", "0.333333333333333333"),
        ("2", '/', "3", "0.666666666666666667"),
        ("1", '/', "8", "0.125"),
        ("1e127", '/', "1e-20", "inf"),
        ("0", '/', "0", "undefined"),
        ("1", '/', "0", "inf"),
        ("7.5", '%', "2", "1.5"),
        ("-7", '%', "3", "-1"),
        ("1e30", '%', "7", "1"),
        ("7", '%', "1e30", "7"),
        ("1e1000", '-', "1e1000", "undefined"),
        ("1e1000", '*', "0", "undefined"),
        ("5", '%', "1e1000", "5"),
    ];
    for (a, operator, b, wanted) in cases {
        let (a, b) = (signed(a), signed(b));
        let result = match operator {
            '+' => a.plus(b),
            '-' => a.minus(b),
            '*' => a.times(b),
            '/' => a.over(b),
            _ => a.modulo(b),
        };
        assert_eq!(shown(result), wanted, "{a:?} {operator} {b:?}");
    }
}

fn signed(text: &str) -> Decimal {
    match text.strip_prefix('-') {
        Some(text) => decimal(text).negated(),
        None => decimal(text),
    }
}

#[test]
fn roots_and_powers_are_exact_where_they_can_be() {
    for (value, root) in [
        ("4", "2"),
        ("0.25", "0.5"),
        ("2", "1.41421356237309505"),
        ("1e40", "100000000000000000000"),
        ("0", "0"),
    ] {
        assert_eq!(shown(decimal(value).square_root()), root);
    }
    assert_eq!(decimal("4").negated().square_root(), None);
    for (base, exponent, power) in [
        ("2", "62", "4611686018427387904"),
        ("2", "-2", "0.25"),
        ("10", "300", "inf"),
        ("0", "-1", "inf"),
        ("0", "0.5", "0"),
        ("1.5", "3", "3.375"),
    ] {
        assert_eq!(
            shown(decimal(base).power(signed(exponent))),
            power,
            "{base}^{exponent}"
        );
    }
    assert_eq!(signed("-8").power(decimal("0.5")), None);
}

fn close(value: Option<Decimal>, wanted: f64) -> bool {
    let value: f64 = shown(value).parse().unwrap();
    (value - wanted).abs() <= wanted.abs() * 1e-13
}

proptest! {
    #[test]
    fn sums_and_products_agree_with_wide_integers(a in -1_000_000_000_i64..1_000_000_000, b in -1_000_000_000_i64..1_000_000_000) {
        let (x, y) = (Decimal::integer(a), Decimal::integer(b));
        prop_assert_eq!(x.plus(y), Some(Decimal::integer(a + b)));
        prop_assert_eq!(x.minus(y), Some(Decimal::integer(a - b)));
        prop_assert_eq!(x.times(y), Some(Decimal::integer(a * b)));
        if b != 0 {
            prop_assert_eq!(x.modulo(y), Some(Decimal::integer(a % b)));
            prop_assert_eq!(x.times(y).unwrap().over(y), Some(x));
        }
    }

    #[test]
    fn any_two_numbers_add_and_multiply_without_order(a: i64, ea in -100_i32..100, b: i64, eb in -100_i32..100) {
        let number = |mantissa, exponent| Number::new(mantissa, exponent).map(Decimal::Finite);
        let (Ok(a), Ok(b)) = (number(a, ea), number(b, eb)) else {
            return Ok(());
        };
        prop_assert_eq!(a.plus(b), b.plus(a));
        prop_assert_eq!(a.times(b), b.times(a));
        prop_assert_eq!(a.minus(a), Some(Decimal::ZERO));
        prop_assert_eq!(a.plus(Decimal::ZERO), Some(a));
        prop_assert_eq!(a.negated().negated(), a);
        let (low, high) = (a.whole(false), a.whole(true));
        prop_assert!(low.order(a).is_le() && high.order(a).is_ge());
        let float = |value| shown(Some(value)).parse::<f64>().unwrap();
        prop_assert!(close(a.plus(b), float(a) + float(b)) || float(a).abs().min(float(b).abs()) > 0.0);
        prop_assert!(close(a.times(b), float(a) * float(b)) || shown(a.times(b)).contains("inf") || (float(a) * float(b)).abs() < 1e-109);
        if b != Decimal::ZERO {
            prop_assert!(close(a.over(b), float(a) / float(b)) || shown(a.over(b)).contains("inf") || (float(a) / float(b)).abs() < 1e-100);
        }
    }

    #[test]
    fn exponentials_and_powers_are_near_those_of_doubles(x in -2000_i64..2000, y in 1_i64..5000) {
        let (x, y) = (Number::new(x, -2).unwrap(), Number::new(y, -1).unwrap());
        let float = |number: Number| number.to_string().parse::<f64>().unwrap();
        prop_assert!(close(Decimal::Finite(x).exponential(), float(x).exp()));
        let power = Decimal::Finite(y).power(Decimal::Finite(x));
        let wanted = float(y).powf(float(x));
        prop_assert!(close(power, wanted) || wanted < 1e-40, "{y}^{x}: {power:?}, not {wanted}");
        prop_assert!(close(Decimal::Finite(y).square_root(), float(y).sqrt()));
    }

    #[test]
    fn numbers_compare_as_their_values(a: i32, b: i32, ea in -5_i32..5, eb in -5_i32..5) {
        let (x, y) = (Number::new(a.into(), ea).unwrap(), Number::new(b.into(), eb).unwrap());
        let mut document = Document::<64>::new();
        document.set(&["x"], x).unwrap();
        document.set(&["y"], y).unwrap();
        for (text, wanted) in [("x < y", x < y), ("x = y", x == y), ("x >= y", x >= y), ("x != y", x != y)] {
            let condition = Condition::<8>::parse(text, Dialect::TWIN).unwrap();
            prop_assert_eq!(condition.matches(&document.as_ref()), wanted);
        }
    }
}

//! The functions of the language: their names, and what they take.

/// A function that a condition may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Abs,
    AsNumber,
    Ceiling,
    Concat,
    Contains,
    EndsWith,
    Exp,
    Floor,
    IndexOf,
    IsBool,
    IsDefined,
    IsNull,
    IsNumber,
    IsString,
    Length,
    Lower,
    Power,
    Sign,
    Sqrt,
    Square,
    StartsWith,
    Substring,
    Upper,
}

/// A type as far as it is known before evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Any,
    Undefined,
    Null,
    Bool,
    Number,
    Text,
}

/// Names in lower case. Twin queries spell two of them without the underscore, routing with it.
const NAMES: &[(&str, Function)] = &[
    ("abs", Function::Abs),
    ("as_number", Function::AsNumber),
    ("ceiling", Function::Ceiling),
    ("concat", Function::Concat),
    ("contains", Function::Contains),
    ("ends_with", Function::EndsWith),
    ("endswith", Function::EndsWith),
    ("exp", Function::Exp),
    ("floor", Function::Floor),
    ("index_of", Function::IndexOf),
    ("is_bool", Function::IsBool),
    ("is_defined", Function::IsDefined),
    ("is_null", Function::IsNull),
    ("is_number", Function::IsNumber),
    ("is_string", Function::IsString),
    ("length", Function::Length),
    ("lower", Function::Lower),
    ("power", Function::Power),
    ("sign", Function::Sign),
    ("sqrt", Function::Sqrt),
    ("square", Function::Square),
    ("starts_with", Function::StartsWith),
    ("startswith", Function::StartsWith),
    ("substring", Function::Substring),
    ("upper", Function::Upper),
];

impl Function {
    /// The function of this name, in any case.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let mut names = NAMES.iter();
        names
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, function)| *function)
    }

    /// The fewest and the most arguments.
    pub(super) const fn arity(self) -> (u8, u8) {
        match self {
            Self::Concat => (2, u8::MAX),
            Self::Substring => (2, 3),
            Self::Contains | Self::EndsWith | Self::IndexOf | Self::Power | Self::StartsWith => {
                (2, 2)
            }
            Self::Abs
            | Self::AsNumber
            | Self::Ceiling
            | Self::Exp
            | Self::Floor
            | Self::IsBool
            | Self::IsDefined
            | Self::IsNull
            | Self::IsNumber
            | Self::IsString
            | Self::Length
            | Self::Lower
            | Self::Sign
            | Self::Sqrt
            | Self::Square
            | Self::Upper => (1, 1),
        }
    }

    /// The type of the argument `index`; `None` takes all, [`Type::Any`] text or number.
    pub(super) const fn takes(self, index: u8) -> Option<Type> {
        match self {
            Self::IsBool | Self::IsDefined | Self::IsNull | Self::IsNumber | Self::IsString => None,
            Self::AsNumber => Some(Type::Any),
            Self::Abs
            | Self::Ceiling
            | Self::Exp
            | Self::Floor
            | Self::Power
            | Self::Sign
            | Self::Sqrt
            | Self::Square => Some(Type::Number),
            Self::Substring if index > 0 => Some(Type::Number),
            Self::Concat
            | Self::Contains
            | Self::EndsWith
            | Self::IndexOf
            | Self::Length
            | Self::Lower
            | Self::StartsWith
            | Self::Substring
            | Self::Upper => Some(Type::Text),
        }
    }

    pub(super) const fn gives(self) -> Type {
        match self {
            Self::Contains
            | Self::EndsWith
            | Self::IsBool
            | Self::IsDefined
            | Self::IsNull
            | Self::IsNumber
            | Self::IsString
            | Self::StartsWith => Type::Bool,
            Self::Concat | Self::Lower | Self::Substring | Self::Upper => Type::Text,
            Self::Abs
            | Self::AsNumber
            | Self::Ceiling
            | Self::Exp
            | Self::Floor
            | Self::IndexOf
            | Self::Length
            | Self::Power
            | Self::Sign
            | Self::Sqrt
            | Self::Square => Type::Number,
        }
    }
}

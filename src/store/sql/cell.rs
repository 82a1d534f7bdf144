//! Values on their way into columns.

use std::borrow::Cow;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

/// A value on its way into a column. One that is missing still says what it would have been: PostgreSQL asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Cell<'a> {
    /// A number, an instant in milliseconds since 1970-01-01 UTC, or a flag as 0 or 1.
    Number(Option<i64>),
    /// A text, or a civil date as `YYYY-MM-DD`.
    Text(Option<Cow<'a, str>>),
    /// Bytes that the database keeps as they are.
    Bytes(Option<Cow<'a, [u8]>>),
    /// Several numbers, for [`Dialect::LISTED`](super::Dialect::LISTED).
    Numbers(&'a [i64]),
    /// Several texts, for the same.
    Texts(&'a [&'a str]),
}

impl<'a> From<Cow<'a, str>> for Cell<'a> {
    /// PostgreSQL's text holds no NUL, so ours has none in either database.
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(Some(if text.contains('\0') { text.replace('\0', "\u{FFFD}").into() } else { text }))
    }
}

/// Values that become a cell by way of another, and which cell they leave empty when they are missing.
macro_rules! cells {
    ($($of:ty => $empty:ident, $value:ident => $cell:expr;)*) => {
        $(
            impl<'a> From<$of> for Cell<'a> {
                fn from($value: $of) -> Self {
                    $cell
                }
            }

            impl<'a> From<Option<$of>> for Cell<'a> {
                fn from(value: Option<$of>) -> Self {
                    value.map_or(Self::$empty(None), Into::into)
                }
            }
        )*
    };
}

cells! {
    i64 => Number, number => Self::Number(Some(number));
    bool => Number, flag => i64::from(flag).into();
    Timestamp => Number, at => at.as_millisecond().into();
    &'a str => Text, text => Cow::Borrowed(text).into();
    &'a String => Text, text => text.as_str().into();
    String => Text, text => Cow::<'a, str>::Owned(text).into();
    Date => Text, date => date.to_string().into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_holds_a_nul() {
        assert_eq!(Cell::from("a\0b"), Cell::from("a\u{FFFD}b"));
        assert_eq!(Cell::from(None::<Date>), Cell::Text(None));
        assert_eq!(Cell::from(Some(true)), Cell::Number(Some(1)));
    }
}

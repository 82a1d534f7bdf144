//! Which number formats show dates, and what date a number is.
//!
//! A spreadsheet keeps a date as a number of days and shows it by the cell's number format. The count begins on 30
//! December 1899, or on 1 January 1904 in workbooks from old Macs; before March 1900 it is a day off, for Lotus's sake.
use jiff::{
    Span,
    civil::{Date, Time, date},
};

const SECONDS_A_DAY: i64 = 86_400;

/// From which day a workbook counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Epoch {
    /// Windows, and everything now.
    Of1900,
    /// Old Macs.
    Of1904,
}

/// Whether one of the formats that every program knows by number shows a date.
pub(super) const fn is_known_date(format: u32) -> bool {
    matches!(format, 14..=22 | 27..=36 | 45 | 47 | 50..=58)
}

/// Whether a format code shows a date: its first section has a letter for a part of one, outside quotes, brackets and
/// escapes. Hours beyond a day, such as `[h]:mm`, are a length and no date.
pub(super) fn is_date_code(code: &str) -> bool {
    let mut letters = code.chars();
    let (mut is_date, mut is_quoted) = (false, false);
    while let Some(letter) = letters.next() {
        match letter {
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            ';' => break,
            '\\' | '_' | '*' => _ = letters.next(),
            '[' => {
                let inside: String = letters.by_ref().take_while(|letter| *letter != ']').collect();
                if !inside.is_empty()
                    && inside.chars().all(|letter| matches!(letter, 'h' | 'H' | 'm' | 'M' | 's' | 'S'))
                {
                    return false;
                }
            }
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => is_date = true,
            _ => {}
        }
    }
    is_date
}

/// The date, or date and time, that a number of days is; `None` where a spreadsheet shows none.
pub(super) fn iso(days: f64, epoch: Epoch) -> Option<String> {
    if !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "below 2^38: the number is below 3 million")]
    let seconds = (days * 86_400.0).round() as i64;
    let (whole, clock) = (seconds / SECONDS_A_DAY, seconds % SECONDS_A_DAY);
    let first: Date = match epoch {
        Epoch::Of1904 => date(1904, 1, 1),
        Epoch::Of1900 if whole < 60 => date(1899, 12, 31),
        Epoch::Of1900 => date(1899, 12, 30),
    };
    let day = first.checked_add(Span::new().try_days(whole).ok()?).ok()?;
    if clock == 0 {
        return Some(day.to_string());
    }
    let time = Time::midnight().checked_add(Span::new().try_seconds(clock).ok()?).ok()?;
    Some(day.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%S").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_show_a_date_are_told_from_those_that_do_not() {
        for code in ["dd/mm/yyyy", "[$-809]d mmmm yyyy;@", "m/d/yy h:mm", "yyyy\\-mm\\-dd", "mmm-yy", "hh:mm:ss"] {
            assert!(is_date_code(code), "{code}");
        }
        for code in ["0.00", "General", "#,##0;[Red]-#,##0", "0\" days\"", "[h]:mm:ss", "@", "0.0E+00", "\\d0", "_d0"] {
            assert!(!is_date_code(code), "{code}");
        }
        assert!(is_known_date(14) && is_known_date(22) && !is_known_date(0) && !is_known_date(9) && !is_known_date(49));
    }

    #[test]
    fn a_number_of_days_is_a_date_in_either_count() {
        let of_1900 = |days| iso(days, Epoch::Of1900);
        assert_eq!(of_1900(46_347.0).as_deref(), Some("2026-11-21"));
        assert_eq!(of_1900(46_347.324_305_555_56).as_deref(), Some("2026-11-21T07:47:00"));
        assert_eq!(of_1900(46_347.999_999_99).as_deref(), Some("2026-11-22"));
        assert_eq!(of_1900(1.0).as_deref(), Some("1900-01-01"));
        assert_eq!(of_1900(61.0).as_deref(), Some("1900-03-01"));
        assert_eq!(iso(44885.0, Epoch::Of1904).as_deref(), Some("2026-11-21"));
        assert_eq!(of_1900(2_958_465.0).as_deref(), Some("9999-12-31"));
        for days in [-1.0, 2_958_466.0, f64::NAN, f64::INFINITY] {
            assert_eq!(of_1900(days), None, "{days}");
        }
    }
}

//! Numbers and days in words, alike on screen, in the log and in messages to the operator.

use jiff::civil::Date;

/// A whole number with its thousands apart: `12,345`.
#[must_use]
pub fn thousands(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A day as a sentence has it: `20 November 2026`.
#[must_use]
pub fn day_in_full(day: Date) -> String {
    day.strftime("%-d %B %Y").to_string()
}

/// `1 file`, `2 files`, `3 mailboxes`, `4 people`.
#[must_use]
pub fn counted(count: u64, what: &str) -> String {
    let plural = match what {
        "person" => "people".to_owned(),
        _ if what.ends_with(['s', 'x']) => format!("{what}es"),
        _ => format!("{what}s"),
    };
    if count == 1 { format!("1 {what}") } else { format!("{} {plural}", thousands(count)) }
}

/// How old something is that is so many days of age: `today`, `1 day old`, `2 days ahead`.
#[must_use]
pub fn age(days: i32) -> String {
    let count = counted(u64::from(days.unsigned_abs()), "day");
    match days {
        0 => "today".to_owned(),
        1.. => format!("{count} old"),
        _ => format!("{count} ahead"),
    }
}

/// `Fri 2026-11-20`.
#[must_use]
pub fn day(date: Date) -> String {
    date.strftime("%a %Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dated_ahead_is_not_of_a_negative_age() {
        assert_eq!([-2, -1, 0, 1, 30].map(age), ["2 days ahead", "1 day ahead", "today", "1 day old", "30 days old"]);
    }
}

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

/// `1 file`, `2 files`.
#[must_use]
pub fn counted(count: u64, what: &str) -> String {
    let plural = match what.strip_suffix('s') {
        Some(_) => format!("{what}es"),
        None => format!("{what}s"),
    };
    if count == 1 { format!("1 {what}") } else { format!("{} {plural}", thousands(count)) }
}

/// `Fri 2026-11-20`.
#[must_use]
pub fn day(date: Date) -> String {
    date.strftime("%a %Y-%m-%d").to_string()
}

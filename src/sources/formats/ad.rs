//! Accounts of a local Active Directory (F14), by `Get-ADUser` or `csvde`.
//!
//! Whether an account is enabled there is all it can say. A log-on to a practice's computer is no use of NHSmail, so
//! that column only tells how new the file is; and the password is not NHSmail's, so `PasswordLastSet` is not read.
//! Groups, computers and accounts without an address are passed over.
use super::{Format, Hopeless, Row};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::Address,
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds},
    words,
};

const SEEN: Holds = Holds::Stamp(Wall::Local);

/// Columns of which one is in every export of accounts.
const MARKS: [&str; 6] =
    ["lastlogontimestamp", "lastlogondate", "pwdlastset", "passwordlastset", "useraccountcontrol", "enabled"];
/// Columns that may hold the address, best first.
const ADDRESSES: [&str; 3] = ["mail", "emailaddress", "userprincipalname"];
/// Classes of accounts that people have.
const PEOPLE: [&str; 2] = ["user", "inetorgperson"];
/// The bit of `userAccountControl` that locks an account.
const DISABLED: u32 = 0x2;

/// The format.
pub(super) const FORMAT: Format = Format {
    source: Source::AdUsers,
    known_by: "SamAccountName, LastLogonDate or lastLogonTimestamp, and mail or UserPrincipalName",
    recognises: |has| are_accounts(has) && ADDRESSES.into_iter().any(has),
    columns: &[
        Column::optional(&["mail"], Holds::Text).address(),
        Column::optional(&["emailaddress"], Holds::Text).address(),
        Column::optional(&["userprincipalname"], Holds::Text).address(),
        Column::optional(&["displayname"], Holds::Text),
        Column::optional(&["objectclass"], Holds::Text),
        Column::optional(&["enabled"], Holds::Text).of(&words::FLAGS),
        Column::optional(&["useraccountcontrol"], Holds::Text),
        Column::optional(&["lastlogondate"], SEEN).unkept(),
        Column::optional(&["lastlogontimestamp"], SEEN).unkept(),
    ],
    skips,
    read,
};

/// The same without a column for the address.
pub(super) const WITHOUT_ADDRESS: Hopeless = Hopeless {
    recognises: |has| are_accounts(has) && !ADDRESSES.into_iter().any(has),
    remedy: "these are accounts of Active Directory without an address; add one and export again: Get-ADUser -Filter * \
             -Properties mail, LastLogonDate | Select-Object SamAccountName, mail, UserPrincipalName, Enabled, \
             LastLogonDate | Export-Csv accounts.csv",
};

fn are_accounts(has: &dyn Fn(&str) -> bool) -> bool {
    has("samaccountname") && MARKS.into_iter().any(has) && !has("recipienttypedetails")
}

fn skips(row: &Row) -> bool {
    // csvde names the class itself, other tools all classes from the widest on.
    let class = row.text("objectclass").map(|text| text.rsplit(';').next().unwrap_or_default().trim().to_lowercase());
    class.is_some_and(|class| !PEOPLE.contains(&class.as_str())) || cell(row).is_none()
}

fn cell(row: &Row) -> Option<(&'static str, String)> {
    ADDRESSES.into_iter().find_map(|key| Some((key, row.text(key).and_then(|text| plain(&text))?)))
}

/// The text of a cell; csvde writes `X'…'`, UTF-8 in hexadecimal digits, when it is not plain ASCII.
fn plain(text: &str) -> Option<String> {
    let Some(digits) = text.strip_prefix("X'").and_then(|rest| rest.strip_suffix('\'')) else {
        return Some(text.to_owned());
    };
    if digits.len() % 2 != 0 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = digits.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    String::from_utf8(pairs.collect::<Option<_>>()?).ok()
}

fn read(row: &Row) -> Result<Record, Rejected> {
    let observation = Observation {
        line: row.line(),
        address: address(row)?,
        display_name: row.text("displayname").and_then(|text| cells::name(&plain(&text)?)),
        enabled: row.flag("enabled").or_else(|| is_enabled(&row.text("useraccountcontrol")?)),
        ..Observation::default()
    };
    // Nothing of the row depends on these; a column of nonsense is still worth a word.
    row.date("lastlogondate")?;
    row.date("lastlogontimestamp")?;
    Ok(Record::Subject(Box::new(observation)))
}

fn address(row: &Row) -> Result<Option<Address>, Rejected> {
    let Some((key, text)) = cell(row) else { return Ok(None) };
    cells::address(&text).map(Some).map_err(|reason| row.reject(key, reason))
}

/// What the bits of `userAccountControl`, decimal or after `0x`, say of the account.
fn is_enabled(text: &str) -> Option<bool> {
    let bits = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    bits.ok().map(|bits| bits & DISABLED == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_an_account_say_whether_it_is_locked() {
        for (text, enabled) in [("512", true), ("514", false), ("0x200", true), ("0x202", false), ("66048", true)] {
            assert_eq!(is_enabled(text), Some(enabled), "{text}");
        }
        assert_eq!((is_enabled("NormalAccount"), is_enabled("")), (None, None));
    }

    #[test]
    fn csvdes_hexadecimal_text_is_text() {
        assert_eq!(plain("X'5a6fc3ab'"), Some("Zoë".to_owned()));
        assert_eq!(plain("Zoe"), Some("Zoe".to_owned()));
        for broken in ["X'5'", "X'zz'", "X'+5'", "X'ff'", "X'é1'"] {
            assert_eq!(plain(broken), None, "{broken}");
        }
    }
}

//! Users as Graph has them, and users it has deleted: password dates, log-in state, last sign-in.
//!
//! Both are JSON, of objects with the same properties. What tells them apart is what the objects and the file say of
//! themselves, see `deletion`. Guests, and objects that are no users, are passed over.
use super::{Format, Hopeless, Row};
use crate::domain::{
    snapshot::{Observation, Record, Source},
    subject::{Address, Status},
};
use crate::sources::{
    cells,
    dates::Wall,
    error::Rejected,
    header::{Column, Holds, normalise},
    words,
};

const STAMP: Holds = Holds::Stamp(Wall::Utc);
/// What stands before the name of a deleted user: the id without its dashes.
const ID_DIGITS: usize = 32;

/// Live users, and now and then one that is deleted.
pub(in crate::sources) const USERS: Format = Format {
    source: Source::GraphUsers,
    known_by: "JSON objects with userPrincipalName",
    recognises: |has| has("userprincipalname") && !has("reportrefreshdate"),
    columns: &[
        Column::wanted("id", &["id"], Holds::Text).id(),
        Column::wanted("mail", &["mail"], Holds::Text).address(),
        Column::wanted("userPrincipalName", &["userprincipalname"], Holds::Text).address(),
        Column::wanted("displayName", &["displayname"], Holds::Text),
        Column::wanted("accountEnabled", &["accountenabled"], Holds::Text).of(&words::FLAGS),
        Column::wanted("createdDateTime", &["createddatetime"], STAMP).anchor(),
        Column::wanted("lastPasswordChangeDateTime", &["lastpasswordchangedatetime"], STAMP).anchor(),
        Column::wanted("passwordPolicies", &["passwordpolicies"], Holds::Text),
        Column::wanted("signInActivity", &["signinactivity"], STAMP).anchor(),
        Column::optional(&["deleteddatetime"], STAMP),
        Column::optional(&["usertype"], Holds::Text).unkept(),
        Column::optional(&["odatatype"], Holds::Text).unkept(),
    ],
    skips,
    read: |row| read(row, row.date("deleteddatetime")?.is_some() || bears_its_id(row)),
};

/// Deleted users and no other.
pub(in crate::sources) const DELETED: Format = Format {
    source: Source::GraphDeleted,
    known_by: "JSON objects with userPrincipalName and deletedDateTime",
    recognises: |has| (USERS.recognises)(has) && has("deleteddatetime"),
    columns: &[
        Column::wanted("id", &["id"], Holds::Text).id(),
        Column::optional(&["mail"], Holds::Text).address(),
        Column::wanted("userPrincipalName", &["userprincipalname"], Holds::Text).address(),
        Column::wanted("displayName", &["displayname"], Holds::Text),
        Column::wanted("deletedDateTime", &["deleteddatetime"], STAMP),
        Column::optional(&["accountenabled"], Holds::Text).of(&words::FLAGS),
        Column::optional(&["createddatetime"], STAMP),
        Column::optional(&["lastpasswordchangedatetime"], STAMP),
        Column::optional(&["passwordpolicies"], Holds::Text),
        Column::optional(&["signinactivity"], STAMP),
        Column::optional(&["usertype"], Holds::Text).unkept(),
        Column::optional(&["odatatype"], Holds::Text).unkept(),
    ],
    skips,
    read: |row| read(row, true),
};

/// The same, as a table of what PowerShell's module holds: what matters is inside other objects, and not in it.
pub(super) const AS_TABLE: Hopeless = Hopeless {
    recognises: |has| {
        let is_user = has("id") && has("userprincipalname") && has("displayname");
        is_user && has("accountenabled") && !has("reportrefreshdate")
    },
    remedy: "these are users of Graph as a table, in which sign-ins are not written out; export them as JSON: Get-MgUser \
             -All -Property Id, DisplayName, UserPrincipalName, Mail, AccountEnabled, CreatedDateTime, \
             LastPasswordChangeDateTime, PasswordPolicies, SignInActivity, UserType | ConvertTo-Json -Depth 4 | \
             Set-Content users.json",
};

/// What a file of users says of who is deleted, counted over its rows.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::sources) struct Deletions {
    /// Users with the day of their deletion.
    pub(in crate::sources) dated: usize,
    /// Users without, whose name begins with their own id: Graph renames who is deleted.
    pub(in crate::sources) renamed: usize,
    /// Users of whom nothing says it.
    pub(in crate::sources) undated: usize,
}

impl Deletions {
    /// Takes a row into account that is not passed over.
    pub(in crate::sources) fn see(&mut self, row: &Row) {
        match row.date("deleteddatetime") {
            Ok(Some(_)) => self.dated += 1,
            Ok(None) if bears_its_id(row) => self.renamed += 1,
            Ok(None) => self.undated += 1,
            Err(_) => {}
        }
    }

    /// Whether the file lists deleted users and no other, and what is to be said about it.
    ///
    /// A live user must not be taken for a deleted one. So the property alone proves nothing, it is null for live users
    /// too; users without a day are deleted only where every page of the file says so, or where the property was asked
    /// for, is null throughout (as PowerShell's module returns it), and the name of the file says what it is.
    pub(in crate::sources) fn decide(self, pages_say_so: bool, was_asked: bool, name: &str) -> (bool, Option<String>) {
        let Self { dated, renamed, undated } = self;
        let deleted = dated + renamed;
        let name_says_so = was_asked && dated == 0 && names_deleted(name);
        let are_all = pages_say_so || name_says_so || (deleted > 0 && undated == 0);
        let without_day = renamed + if are_all { undated } else { 0 };
        let mixed = || {
            format!(
                "{deleted} users have a deletedDateTime or a name that begins with their id, and are read as deleted; \
                 {undated} have neither and are read as live: export deleted users on their own"
            )
        };
        let without = || format!("deleted users without the day of their deletion: {without_day}");
        let word = match (are_all, deleted) {
            (true, _) => (without_day > 0).then(without),
            (false, 1..) => Some(mixed()),
            (false, 0) => None,
        };
        (are_all, word)
    }
}

/// Whether a file is called a list of deleted users.
fn names_deleted(name: &str) -> bool {
    let key = normalise(name);
    ["deleteduser", "deleteditem"].iter().filter_map(|word| key.split_once(word)).any(|(before, _)| {
        !["un", "non", "not", "no", "without", "except"].iter().any(|negation| before.ends_with(negation))
    })
}

fn skips(row: &Row) -> bool {
    let is_external = |key: &str| row.text(key).is_some_and(|text| text.to_uppercase().contains("#EXT#"));
    let is_guest = row.text("usertype").is_some_and(|text| text.eq_ignore_ascii_case("guest"));
    let is_no_user = row.text("odatatype").is_some_and(|text| !text.to_lowercase().ends_with(".user"));
    is_guest || is_no_user || is_external("userprincipalname") || is_external("mail")
}

fn read(row: &Row, is_deleted: bool) -> Result<Record, Rejected> {
    let observation = Observation {
        line: row.line(),
        id: row.word("id"),
        address: address(row, is_deleted)?,
        display_name: row.text("displayname").and_then(|text| cells::name(&text)),
        status: is_deleted.then(|| Status::new("Deleted")).flatten(),
        created_on: row.date("createddatetime")?,
        last_activity_on: row.date("signinactivity")?,
        password_changed_on: row.date("lastpasswordchangedatetime")?,
        password_never_expires: row.text("passwordpolicies").map(|text| never_expires(&text)),
        deleted_on: row.date("deleteddatetime")?,
        enabled: row.flag("accountenabled"),
        ..Observation::default()
    };
    row.about_somebody(observation)
}

fn never_expires(policies: &str) -> bool {
    policies.split(',').any(|policy| policy.trim().eq_ignore_ascii_case("DisablePasswordExpiration"))
}

fn address(row: &Row, is_deleted: bool) -> Result<Option<Address>, Rejected> {
    let named = ["mail", "userprincipalname"].into_iter().find_map(|key| Some((key, row.text(key)?)));
    let Some((key, text)) = named else { return Ok(None) };
    let own = if is_deleted && key != "mail" { without_id(&text) } else { &text };
    let reject = |reason| row.reject(key, reason).concealing(cells::is_concealed(own));
    cells::address(own).map(Some).map_err(reject)
}

/// Whether the user's name begins with the user's own id, as Graph renames who is deleted.
fn bears_its_id(row: &Row) -> bool {
    let Some((id, name)) = row.text("id").zip(row.text("userprincipalname")) else { return false };
    let digits = id.replace('-', "");
    let begins = name.get(..digits.len()).is_some_and(|start| start.eq_ignore_ascii_case(&digits));
    begins && without_id(&name) != name
}

/// The name of a deleted user without the id that stands before it.
pub(super) fn without_id(name: &str) -> &str {
    match name.split_at_checked(ID_DIGITS) {
        Some((id, rest)) if !rest.starts_with('@') && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => rest,
        _ => name,
    }
}

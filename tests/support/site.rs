//! Who there is: a site, its shared mailbox, the people around it, and what happens to them on a day.

use jiff::civil::Date;
use lapsewatch::domain::{
    snapshot::{ContactRole, ContactRow, Observation},
    subject::{Address, Kind, OdsCode, Status},
};

use super::{address, on};

/// When everybody was made who has no other day.
const LONG_AGO: &str = "2020-03-02";

/// One account or mailbox, as the next report will print it.
#[derive(Debug, Clone)]
pub struct Person {
    /// Its row.
    pub row: Observation,
    /// It is used every day, until it goes quiet.
    pub is_at_work: bool,
    /// Reports print it.
    pub is_listed: bool,
}

/// A site with its shared mailbox and the people around it. Names without an `@` are at `nhs.net`.
#[derive(Debug, Clone)]
pub struct Site {
    ods: OdsCode,
    mailbox: Option<Address>,
    /// Everybody that reports print.
    pub people: Vec<Person>,
    /// The contacts file.
    pub contacts: Vec<ContactRow>,
    /// A source of sends is loaded every day.
    pub watches_sends: bool,
}

impl Site {
    /// A site without anybody.
    pub fn new(ods: &str) -> Self {
        let ods = OdsCode::new(ods).expect("a site code");
        Self { ods, mailbox: None, people: Vec::new(), contacts: Vec::new(), watches_sends: false }
    }

    /// Its shared mailbox, made long ago.
    pub fn mailbox(mut self, name: &str) -> Self {
        self.mailbox = Some(address(name));
        self.list(name, Kind::Shared, LONG_AGO, false);
        self
    }

    /// Somebody who owns the mailbox and is at work every day.
    pub fn owner(self, name: &str) -> Self {
        self.at_work(name).contact(name, ContactRole::Owner, None)
    }

    /// Somebody who is a member of the mailbox and is at work every day.
    pub fn member(self, name: &str) -> Self {
        self.at_work(name).contact(name, ContactRole::Member, None)
    }

    /// An owner in the contacts file whose account no report knows: nobody reads what is sent there.
    pub fn absent_owner(self, name: &str) -> Self {
        self.contact(name, ContactRole::Owner, None)
    }

    /// The site's own contact.
    pub fn site_contact(self, name: &str) -> Self {
        self.contact(name, ContactRole::Site, None)
    }

    /// A second address of somebody, on a row that says who administers the site.
    pub fn alternate(self, name: &str, other: &str) -> Self {
        self.contact(name, ContactRole::Admin, Some(other))
    }

    /// Somebody with an account who is at work every day.
    pub fn at_work(mut self, name: &str) -> Self {
        self.list(name, Kind::User, LONG_AGO, true);
        self
    }

    /// An account that nobody has used yet.
    pub fn account(mut self, name: &str, created_on: &str) -> Self {
        self.list(name, Kind::User, created_on, false);
        self
    }

    /// An account that nobody has used yet, its acceptable use policy not accepted.
    pub fn unactivated(mut self, name: &str, created_on: &str) -> Self {
        self.list(name, Kind::User, created_on, false);
        self.person(&address(name)).row.aup_accepted = Some(false);
        self
    }

    /// Sends are watched from the first day.
    pub fn watching_sends(mut self) -> Self {
        self.watches_sends = true;
        self
    }

    fn contact(mut self, name: &str, role: ContactRole, alternate: Option<&str>) -> Self {
        self.contacts.push(ContactRow {
            line: u32::try_from(self.contacts.len()).unwrap_or(0) + 2,
            ods: Some(self.ods.clone()),
            sector: None,
            site_name: None,
            town: None,
            shared_mailbox: self.mailbox.clone(),
            address: address(name),
            role,
            alternate_address: alternate.map(address),
            administered_by: None,
        });
        self
    }

    fn list(&mut self, name: &str, kind: Kind, created_on: &str, is_at_work: bool) {
        let address = address(name);
        if self.people.iter().any(|person| person.row.address.as_ref() == Some(&address)) {
            return;
        }
        let row = Observation {
            line: u32::try_from(self.people.len()).unwrap_or(0) + 2,
            id: Some(format!("id of {address}")),
            address: Some(address),
            kind,
            status: Status::new("Active"),
            ods: Some(self.ods.clone()),
            created_on: Some(on(created_on)),
            ..Observation::default()
        };
        self.people.push(Person { row, is_at_work, is_listed: true });
    }

    /// The person or mailbox with this address.
    pub fn person(&mut self, address: &Address) -> &mut Person {
        let found = self.people.iter_mut().find(|person| person.row.address.as_ref() == Some(address));
        found.unwrap_or_else(|| panic!("nobody at {address}"))
    }
}

/// What happens on one day, before that day's report is made.
#[derive(Debug, Clone)]
pub struct Day {
    /// Which day.
    pub on: Date,
    /// To whom, and what.
    pub changes: Vec<(Address, Change)>,
}

/// One thing that happens to somebody.
#[derive(Debug, Clone)]
pub enum Change {
    /// Used once.
    Used,
    /// A report shows that it was used on an earlier day.
    UsedOn(Date),
    /// Used every day from now on.
    AtWork,
    /// Not used any more.
    Quiet,
    /// Sent something.
    Sent,
    /// The password was changed.
    Password,
    /// The report prints another status.
    Status(&'static str),
    /// Marked as a leaver's, with the date.
    Leaver,
    /// Deleted, with the date.
    DeletedOn(Date),
    /// The report leaves the row out.
    Vanished,
}

/// A day on which something happens: `day("2026-10-06").used("ada")`.
pub fn day(text: &str) -> Day {
    Day { on: on(text), changes: Vec::new() }
}

impl Day {
    fn change(mut self, name: &str, change: Change) -> Self {
        self.changes.push((address(name), change));
        self
    }

    /// Somebody uses the account, once.
    pub fn used(self, name: &str) -> Self {
        self.change(name, Change::Used)
    }

    /// A report shows use that it had not shown before.
    pub fn used_on(self, name: &str, used_on: &str) -> Self {
        self.change(name, Change::UsedOn(on(used_on)))
    }

    /// Somebody uses the account every day from now on.
    pub fn at_work(self, name: &str) -> Self {
        self.change(name, Change::AtWork)
    }

    /// Nobody uses the account from now on; it was used the day before.
    pub fn quiet(self, name: &str) -> Self {
        self.change(name, Change::Quiet)
    }

    /// The shared mailbox sends something.
    pub fn sent(self, name: &str) -> Self {
        self.change(name, Change::Sent)
    }

    /// Somebody changes the password.
    pub fn password(self, name: &str) -> Self {
        self.change(name, Change::Password)
    }

    /// The status becomes this word.
    pub fn status(self, name: &str, word: &'static str) -> Self {
        self.change(name, Change::Status(word))
    }

    /// The account is marked as a leaver's.
    pub fn leaver(self, name: &str) -> Self {
        self.change(name, Change::Leaver)
    }

    /// The service deletes the account or the mailbox and does not say when.
    pub fn deleted(self, name: &str) -> Self {
        self.change(name, Change::Status("Deleted"))
    }

    /// A report says when the account was deleted.
    pub fn deleted_on(self, name: &str, deleted_on: &str) -> Self {
        self.change(name, Change::DeletedOn(on(deleted_on)))
    }

    /// Reports leave the account out from now on.
    pub fn vanished(self, name: &str) -> Self {
        self.change(name, Change::Vanished)
    }
}

impl Person {
    /// What the change makes of the row.
    pub fn undergo(&mut self, change: &Change, today: Date) {
        match change {
            Change::Used => self.row.last_activity_on = Some(today),
            Change::UsedOn(used_on) => self.row.last_activity_on = Some(*used_on),
            Change::AtWork => self.is_at_work = true,
            Change::Quiet => self.is_at_work = false,
            Change::Sent => self.row.last_sent_on = Some(today),
            Change::Password => self.row.password_changed_on = Some(today),
            Change::Status(word) => self.row.status = Status::new(word),
            Change::Leaver => {
                self.row.status = Status::new("Active (Leaver)");
                self.row.leaver_on = Some(today);
            }
            Change::DeletedOn(deleted_on) => {
                self.row.status = Status::new("Deleted");
                self.row.deleted_on = Some(*deleted_on);
            }
            Change::Vanished => self.is_listed = false,
        }
    }
}

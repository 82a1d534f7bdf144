//! Who looks after which site and mailbox: the contacts file, indexed for the questions rule 14 asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;

use super::{
    snapshot::{ContactRole, ContactRow},
    subject::{Address, OdsCode},
};

/// The contacts file, ready to be asked.
#[derive(Debug, Clone, Default)]
pub struct Contacts {
    rows: Vec<ContactRow>,
    mailboxes_by_person: HashMap<Address, BTreeSet<Address>>,
    mailboxes_by_site: HashMap<Box<str>, BTreeSet<Address>>,
    owners: HashMap<Address, BTreeSet<Address>>,
    members: HashMap<Address, BTreeSet<Address>>,
    people_of_site: HashMap<Box<str>, BTreeSet<Address>>,
    alternates: HashMap<Address, Address>,
    by_site: HashMap<Box<str>, Vec<usize>>,
    by_mailbox: HashMap<Address, Vec<usize>>,
    /// Who may open which mailbox, as Exchange has it, and as of when.
    permitted: BTreeMap<Address, Permitted>,
}

/// Who may open a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Permitted {
    as_of: Date,
    members: BTreeSet<Address>,
}

/// Adds to a set in a map.
fn put<K: std::hash::Hash + Eq>(map: &mut HashMap<K, BTreeSet<Address>>, key: K, address: &Address) {
    map.entry(key).or_default().insert(address.clone());
}

impl Contacts {
    /// Indexes the rows of one contacts file.
    #[must_use]
    pub fn new(rows: Vec<ContactRow>) -> Self {
        let mut contacts = Self::default();
        for (at, row) in rows.iter().enumerate() {
            contacts.index(at, row);
        }
        contacts.rows = rows;
        contacts
    }

    fn index(&mut self, at: usize, row: &ContactRow) {
        if let Some(ods) = &row.ods {
            self.by_site.entry(ods.key()).or_default().push(at);
        }
        if let Some(mailbox) = &row.shared_mailbox {
            self.by_mailbox.entry(mailbox.clone()).or_default().push(at);
            if let Some(ods) = &row.ods {
                put(&mut self.mailboxes_by_site, ods.key(), mailbox);
            }
        }
        match (row.role, &row.shared_mailbox, &row.ods) {
            (ContactRole::Owner, Some(mailbox), _) => put(&mut self.owners, mailbox.clone(), &row.address),
            (ContactRole::Member, Some(mailbox), _) => put(&mut self.members, mailbox.clone(), &row.address),
            (ContactRole::Site, _, Some(ods)) => put(&mut self.people_of_site, ods.key(), &row.address),
            _ => {}
        }
        if let (ContactRole::Owner | ContactRole::Member, Some(mailbox)) = (row.role, &row.shared_mailbox) {
            put(&mut self.mailboxes_by_person, row.address.clone(), mailbox);
        }
        if let Some(alternate) = row.alternate_address.as_ref().filter(|other| **other != row.address) {
            self.alternates.entry(row.address.clone()).or_insert_with(|| alternate.clone());
        }
    }

    /// The same, with who may open which mailbox as of when: these are members (F12), and nothing else changes for them.
    #[must_use]
    pub fn with_members(mut self, rows: impl IntoIterator<Item = (Address, Option<Address>, Date)>) -> Self {
        for (mailbox, member, as_of) in rows {
            self.permit(&mailbox, member, as_of);
        }
        self
    }

    /// Takes up one permission. A newer file has the whole say on the mailboxes it names, also that nobody may open one;
    /// two of one day add up.
    pub fn permit(&mut self, mailbox: &Address, member: Option<Address>, as_of: Date) {
        let known = self.permitted.entry(mailbox.clone());
        let known = known.or_insert_with(|| Permitted { as_of, members: BTreeSet::new() });
        if known.as_of < as_of {
            *known = Permitted { as_of, members: BTreeSet::new() };
        }
        if known.as_of == as_of {
            known.members.extend(member);
        }
    }

    /// Replaces the rows of the contacts file; who may open which mailbox stays.
    pub fn replace(&mut self, rows: Vec<ContactRow>) {
        let permitted = std::mem::take(&mut self.permitted);
        *self = Self { permitted, ..Self::new(rows) };
    }

    /// Every row, in file order.
    #[must_use]
    pub fn rows(&self) -> &[ContactRow] {
        &self.rows
    }

    /// Whether any row names an address, as its own or as somebody's second one.
    #[must_use]
    pub fn lists(&self, address: &Address) -> bool {
        self.rows.iter().any(|row| row.address == *address || row.alternate_address.as_ref() == Some(address))
    }

    /// The mailboxes a person is listed under as owner or member.
    pub fn mailboxes_of_person(&self, person: &Address) -> impl Iterator<Item = &Address> {
        self.mailboxes_by_person.get(person).into_iter().flatten()
    }

    /// The mailboxes the file names for a site.
    pub fn mailboxes_of_site(&self, ods: &OdsCode) -> impl Iterator<Item = &Address> {
        self.mailboxes_by_site.get(&ods.key()).into_iter().flatten()
    }

    /// The owners of a mailbox.
    pub fn owners(&self, mailbox: &Address) -> impl Iterator<Item = &Address> {
        self.owners.get(mailbox).into_iter().flatten()
    }

    /// The members of a mailbox.
    pub fn members(&self, mailbox: &Address) -> impl Iterator<Item = &Address> {
        let permitted = self.permitted.get(mailbox).map(|permitted| &permitted.members);
        let listed = self.members.get(mailbox);
        let known = move |member: &&Address| !listed.is_some_and(|listed| listed.contains(*member));
        listed.into_iter().flatten().chain(permitted.into_iter().flatten().filter(known))
    }

    /// The contacts of a site.
    pub fn site_contacts(&self, ods: &OdsCode) -> impl Iterator<Item = &Address> {
        self.people_of_site.get(&ods.key()).into_iter().flatten()
    }

    /// A person's other address: the first that the file gives.
    #[must_use]
    pub fn alternate(&self, person: &Address) -> Option<&Address> {
        self.alternates.get(person)
    }

    /// The shared mailboxes that rows name, and of which none names an owner.
    #[must_use]
    pub fn unowned_mailboxes(&self) -> BTreeSet<&Address> {
        self.by_mailbox.keys().filter(|mailbox| !self.owners.contains_key(*mailbox)).collect()
    }

    /// The owners and members of whom the file gives no second address.
    #[must_use]
    pub fn people_without_alternate(&self) -> BTreeSet<&Address> {
        let is_single = |person: &&Address| !self.alternates.contains_key(*person);
        self.mailboxes_by_person.keys().filter(is_single).collect()
    }

    /// The rows about a site.
    pub fn rows_of_site(&self, ods: &OdsCode) -> impl Iterator<Item = &ContactRow> {
        self.by_site.get(&ods.key()).into_iter().flatten().filter_map(|at| self.rows.get(*at))
    }

    /// The rows about a mailbox.
    pub fn rows_of_mailbox(&self, mailbox: &Address) -> impl Iterator<Item = &ContactRow> {
        self.by_mailbox.get(mailbox).into_iter().flatten().filter_map(|at| self.rows.get(*at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ods: &str, mailbox: Option<&str>, address: &str, role: ContactRole, alternate: Option<&str>) -> ContactRow {
        ContactRow {
            line: 2,
            ods: OdsCode::new(ods),
            sector: None,
            site_name: None,
            town: None,
            shared_mailbox: mailbox.map(Address::new),
            address: Address::new(address),
            role,
            alternate_address: alternate.map(Address::new),
            administered_by: None,
        }
    }

    fn words<'a>(addresses: impl Iterator<Item = &'a Address>) -> Vec<&'a str> {
        addresses.map(Address::as_str).collect()
    }

    #[test]
    fn each_role_answers_its_own_question() {
        let box_ = Some("northtown@nhs.net");
        let contacts = Contacts::new(vec![
            row("V01234", box_, "olive@nhs.net", ContactRole::Owner, Some("olive@home.example")),
            row("V1234", box_, "max@nhs.net", ContactRole::Member, Some("max@nhs.net")),
            row("V001234", None, "desk@northtown.example", ContactRole::Site, None),
            row("V01234", Some("second@nhs.net"), "helpdesk@example.org", ContactRole::Admin, None),
            row("V01234", box_, "olive@nhs.net", ContactRole::Member, Some("other@home.example")),
            row("TP1AB", None, "nomad@nhs.net", ContactRole::Owner, None),
        ]);
        let (mailbox, site) = (Address::new("northtown@nhs.net"), OdsCode::new("V01234").expect("a code"));
        assert_eq!(words(contacts.owners(&mailbox)), ["olive@nhs.net"]);
        assert_eq!(words(contacts.members(&mailbox)), ["max@nhs.net", "olive@nhs.net"]);
        assert_eq!(words(contacts.site_contacts(&site)), ["desk@northtown.example"]);
        assert_eq!(
            words(contacts.mailboxes_of_site(&site)),
            ["northtown@nhs.net", "second@nhs.net"],
            "any role names it"
        );
        assert_eq!(words(contacts.mailboxes_of_person(&Address::new("max@nhs.net"))), ["northtown@nhs.net"]);
        assert_eq!(words(contacts.mailboxes_of_person(&Address::new("helpdesk@example.org"))), [""; 0]);
        assert_eq!(words(contacts.mailboxes_of_person(&Address::new("nomad@nhs.net"))), [""; 0], "of no mailbox");
        let alternate = |person| contacts.alternate(&Address::new(person)).map(Address::as_str);
        assert_eq!(alternate("olive@nhs.net"), Some("olive@home.example"), "the first in the file");
        assert_eq!(alternate("max@nhs.net"), None, "the same address is no other one");
    }
}

//! The invented people, practices and helpdesks of the samples. Nobody in here exists.

use jiff::civil::Date;

use crate::{
    config::Helpdesk,
    mail::render::brief::{Person, SiteBrief, SubjectBrief},
};

pub(super) fn to(name: &str, address: &str) -> Person {
    Person { name: Some(name.to_owned()), address: address.to_owned(), is_shared_mailbox: false }
}

pub(super) fn person(name: &str, address: &str) -> SubjectBrief {
    SubjectBrief { name: Some(name.to_owned()), address: address.to_owned(), ..SubjectBrief::default() }
}

pub(super) fn mailbox(address: &str, last_sent_on: Option<Date>) -> SubjectBrief {
    SubjectBrief { address: address.to_owned(), shared: true, last_sent_on, ..SubjectBrief::default() }
}

pub(super) fn opticians() -> SiteBrief {
    SiteBrief {
        name: "Example Opticians".to_owned(),
        town: Some("Anytown".to_owned()),
        ods: "TP1AB".to_owned(),
        shared_mailbox: Some("optometry.tp1ab@nhs.net".to_owned()),
    }
}

pub(super) fn eyecare() -> SiteBrief {
    SiteBrief {
        name: "Example Eyecare".to_owned(),
        town: Some("Othertown".to_owned()),
        ods: "TP2CD".to_owned(),
        shared_mailbox: Some("optometry.tp2cd@nhs.net".to_owned()),
    }
}

pub(super) fn national() -> Helpdesk {
    Helpdesk {
        name: "the NHSmail helpdesk".to_owned(),
        phone: "0333 200 1133".to_owned(),
        email: "helpdesk@nhs.net".to_owned(),
        hours: "24 hours a day, every day".to_owned(),
        national: true,
    }
}

pub(super) fn local() -> Helpdesk {
    Helpdesk {
        name: "the Anyshire IT helpdesk".to_owned(),
        phone: "01632 960 555".to_owned(),
        email: "it.help@anyshire.example".to_owned(),
        hours: "8am to 6pm, Monday to Friday".to_owned(),
        national: false,
    }
}

/// A helpdesk that the contacts file names and the configuration does not describe: a name is all there is.
pub(super) fn named_only() -> Helpdesk {
    Helpdesk {
        name: "Anyshire ICB".to_owned(),
        phone: String::new(),
        email: String::new(),
        hours: String::new(),
        national: false,
    }
}

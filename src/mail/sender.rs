//! When the sender itself stops working: the last days of its password, secret or certificate.
//!
//! A program that warns others before they lose their mail must not fall silent because its own log-in has ended.
//! Reads the certificate that the configuration names; asks nobody and sends nothing.

use jiff::{ToSpan, civil::Date, tz::TimeZone};

use super::{SendError, oauth::Certificate};
use crate::config::{Auth, Credential, Mail, OAuth, Smtp, TokenSource, Transport};

/// A password lives this many days from the day on which it was set, as on NHSmail.
const PASSWORD_DAYS: i32 = 365;

/// An expiry is near from this many days before it.
const NEAR_DAYS: i32 = 30;

/// What the sender logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// The password of `mail.smtp.password_file`.
    Password,
    /// The secret of `mail.oauth.client_secret_file`.
    ClientSecret,
    /// The certificate of `mail.oauth.certificate_file`.
    Certificate,
}

impl Means {
    /// The word in what the operator is told.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ClientSecret => "client secret",
            Self::Certificate => "certificate",
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Password => "the password of the sending account",
            Self::ClientSecret => "the client secret of the sending application",
            Self::Certificate => "the certificate of the sending application",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Password => {
                "change it, put the new one into mail.smtp.password_file and the day into mail.smtp.password_changed_on"
            }
            Self::ClientSecret => {
                "make a new one, put it into mail.oauth.client_secret_file and its last day into \
                 mail.oauth.client_secret_expires_on"
            }
            Self::Certificate => {
                "make a new one, register it with the application and name it in mail.oauth.certificate_file and key_file"
            }
        }
    }
}

/// The last day of something that the sender logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry {
    /// What ends.
    pub means: Means,
    /// The civil day on which it ends; from then on nothing can be sent.
    pub expires_on: Date,
}

impl Expiry {
    /// Days from `today` to the end; negative when it is past.
    #[must_use]
    pub fn days_left(&self, today: Date) -> i32 {
        today.until(self.expires_on).map_or(0, |span| span.get_days())
    }

    /// Whether somebody should act now: 30 days before the end, and for as long after it as nobody did.
    #[must_use]
    pub fn is_near(&self, today: Date) -> bool {
        self.days_left(today) <= NEAR_DAYS
    }

    /// What ends, when, and what to do: a sentence without a capital and without a full stop.
    #[must_use]
    pub fn words(&self, today: Date) -> String {
        let (what, advice) = (self.means.what(), self.means.advice());
        let day = self.expires_on.strftime("%-d %B %Y");
        match self.days_left(today) {
            ..0 => format!("{what} expired on {day}: {advice}"),
            0 => format!("{what} expires today, {day}: {advice}"),
            1 => format!("{what} expires tomorrow, {day}: {advice}"),
            days => format!("{what} expires on {day}, in {days} days: {advice}"),
        }
    }
}

/// What the sender logs in with and when that ends, as far as the configuration tells; `zone` is that of civil dates.
///
/// # Errors
/// The certificate cannot be read.
pub fn expiries(mail: &Mail, zone: &TimeZone) -> Result<Vec<Expiry>, SendError> {
    let smtp = &mail.smtp;
    if mail.transport != Transport::Smtp {
        return Ok(Vec::new());
    }
    let expiry = match (smtp.auth, &smtp.tokens) {
        (Auth::Plain | Auth::Login, _) => of_password(smtp),
        (Auth::Xoauth2, Some(TokenSource::Endpoint(settings))) => of_application(settings, zone)?,
        (Auth::None | Auth::Xoauth2, _) => None,
    };
    Ok(expiry.into_iter().collect())
}

fn of_password(smtp: &Smtp) -> Option<Expiry> {
    let expires_on = smtp.password_changed_on?.checked_add(PASSWORD_DAYS.days()).ok()?;
    Some(Expiry { means: Means::Password, expires_on })
}

fn of_application(settings: &OAuth, zone: &TimeZone) -> Result<Option<Expiry>, SendError> {
    match &settings.credential {
        Credential::Secret { expires_on, .. } => {
            Ok(expires_on.map(|expires_on| Expiry { means: Means::ClientSecret, expires_on }))
        }
        Credential::Certificate { certificate_file, .. } => {
            let ends_at = Certificate::read(certificate_file)?.ends_at;
            let expires_on = ends_at.to_zoned(zone.clone()).date();
            Ok(Some(Expiry { means: Means::Certificate, expires_on }))
        }
    }
}

#[cfg(test)]
#[path = "sender_tests.rs"]
mod tests;

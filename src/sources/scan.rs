//! What the dates of a file tell during the first pass: their order, and how new the file is.
use jiff::{civil::Date, tz::TimeZone};

use super::{
    ReadSettings,
    dates::{DateOrder, OrderSeen, Reading, Wall},
    error::ReadError,
};

/// The newest date, under both orders as long as the order is not settled.
#[derive(Debug, Default, Clone, Copy)]
struct Newest {
    day_first: Option<Date>,
    month_first: Option<Date>,
}

impl Newest {
    const fn under(self, order: DateOrder) -> Option<Date> {
        if order.is_day_first() { self.day_first } else { self.month_first }
    }
}

/// Collects what dates tell.
#[derive(Debug)]
pub(super) struct DateScan {
    day_first: Reading,
    month_first: Reading,
    assume_day_first: bool,
    order: OrderSeen,
    stamps: Newest,
    own: Newest,
    own_differs: bool,
}

/// What the dates told.
#[derive(Debug)]
pub(super) struct DatesFound {
    /// How dates are read from here on.
    pub(super) reading: Reading,
    /// Why.
    pub(super) order: DateOrder,
    /// The newest date that tells when the file was made.
    pub(super) newest: Option<Date>,
    /// The newest date of the column that says it outright.
    pub(super) own: Option<Date>,
    /// That column says two days.
    pub(super) own_differs: bool,
}

impl DateScan {
    /// Nothing seen yet.
    pub(super) fn new(settings: &ReadSettings) -> Self {
        let reading = |zone: &TimeZone, day_first| Reading { zone: zone.clone(), day_first };
        Self {
            day_first: reading(settings.time_zone, true),
            month_first: reading(settings.time_zone, false),
            assume_day_first: settings.day_first,
            order: OrderSeen::default(),
            stamps: Newest::default(),
            own: Newest::default(),
            own_differs: false,
        }
    }

    /// Some reading, for questions that no order of dates can change.
    pub(super) const fn any_reading(&self) -> &Reading {
        &self.day_first
    }

    /// A date that tells the order only.
    pub(super) fn see(&mut self, text: &str, line: u32) {
        self.order.see(text, line);
    }

    /// A date that also tells when the file was made.
    pub(super) fn see_stamp(&mut self, text: &str, line: u32, wall: Wall) {
        self.see(text, line);
        self.stamps = self.newer(self.stamps, text, wall);
    }

    /// A date of the column that says which day the file describes.
    pub(super) fn see_own(&mut self, text: &str, line: u32) {
        self.see(text, line);
        let this = self.newer(Newest::default(), text, Wall::Local);
        let is_another = |known: Option<Date>, this: Option<Date>| known.zip(this).is_some_and(|(a, b)| a != b);
        self.own_differs |= is_another(self.own.day_first, this.day_first);
        self.own_differs |= is_another(self.own.month_first, this.month_first);
        self.own = Newest {
            day_first: self.own.day_first.max(this.day_first),
            month_first: self.own.month_first.max(this.month_first),
        };
    }

    fn newer(&self, newest: Newest, text: &str, wall: Wall) -> Newest {
        // Under an order that is ruled out nobody will ask.
        let read = |reading: &Reading| {
            let may_be = self.order.may_be(reading.day_first);
            may_be.then(|| reading.date(text, wall).ok().flatten()).flatten()
        };
        Newest {
            day_first: newest.day_first.max(read(&self.day_first)),
            month_first: newest.month_first.max(read(&self.month_first)),
        }
    }

    /// Settles the order.
    pub(super) fn finish(self) -> Result<DatesFound, ReadError> {
        let order = self.order.decide(self.assume_day_first)?;
        let reading = if order.is_day_first() { self.day_first } else { self.month_first };
        Ok(DatesFound {
            reading,
            order,
            newest: self.stamps.under(order),
            own: self.own.under(order),
            own_differs: self.own_differs,
        })
    }
}

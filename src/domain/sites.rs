//! What lists of organisations say (F16, F19): names and towns where the contacts file has none, and who has assessed
//! their data security.

use std::collections::BTreeMap;

use super::{snapshot::SiteRow, subject::OdsCode};

/// Every organisation that a list has named, by its code; dental codes folded (rule 14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sites {
    by_code: BTreeMap<Box<str>, SiteRow>,
}

impl Sites {
    /// What lists said, the oldest first: a newer one wins, and a blank erases nothing.
    #[must_use]
    pub fn new(rows: impl IntoIterator<Item = SiteRow>) -> Self {
        let mut sites = Self::default();
        rows.into_iter().for_each(|row| sites.learn(row));
        sites
    }

    /// Takes up what a list says.
    pub fn learn(&mut self, row: SiteRow) {
        let key = row.ods.key();
        let row = match self.by_code.remove(&key) {
            Some(known) => merged(known, row),
            None => row,
        };
        self.by_code.insert(key, row);
    }

    /// What is known of an organisation.
    #[must_use]
    pub fn find(&self, ods: &OdsCode) -> Option<&SiteRow> {
        self.by_code.get(&ods.key())
    }

    /// Every organisation, by code.
    pub fn iter(&self) -> impl Iterator<Item = &SiteRow> {
        self.by_code.values()
    }
}

fn merged(known: SiteRow, news: SiteRow) -> SiteRow {
    SiteRow {
        line: news.line,
        ods: news.ods,
        name: news.name.or(known.name),
        town: news.town.or(known.town),
        sector: news.sector.or(known.sector),
        parent: news.parent.or(known.parent),
        opened_on: news.opened_on.or(known.opened_on),
        closed_on: news.closed_on.or(known.closed_on),
        dspt_status: news.dspt_status.or(known.dspt_status),
        dspt_published_on: news.dspt_published_on.or(known.dspt_published_on),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ods: &str, name: Option<&str>, dspt: Option<&str>) -> SiteRow {
        SiteRow {
            line: 1,
            ods: OdsCode::new(ods).unwrap(),
            name: name.map(str::to_owned),
            town: None,
            sector: None,
            parent: None,
            opened_on: None,
            closed_on: None,
            dspt_status: dspt.map(str::to_owned),
            dspt_published_on: None,
        }
    }

    #[test]
    fn two_lists_make_one_site_and_a_blank_erases_nothing() {
        let lists = [row("V03462", Some("NORTHTOWN DENTAL"), None), row("V003462", None, Some("Standards Met"))];
        let sites = Sites::new(lists);
        let found = sites.find(&OdsCode::new("v3462").unwrap()).unwrap();
        assert_eq!(
            (found.name.as_deref(), found.dspt_status.as_deref()),
            (Some("NORTHTOWN DENTAL"), Some("Standards Met"))
        );
        assert_eq!(sites.iter().count(), 1);
    }
}

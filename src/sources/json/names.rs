//! Which property of the objects is which column of a format.
//!
//! A table has one header; objects have a name for every value, not always the same ones, and in any case. The columns
//! are found while the objects are read for the first time.
use std::{collections::HashMap, mem};

use super::object::{Property, is_twice};
use crate::sources::{
    cells,
    dates::Reading,
    error::Rejected,
    formats::Format,
    header::{Column, Layout},
    table::Cells,
};

/// How many names are remembered; objects of one kind have some two hundred.
const NAMES_CAP: usize = 4096;
/// The longest name that is remembered, in bytes.
const NAME_CAP: usize = 256;

/// The columns of a format, as the objects of a file name them.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) format: &'static Format,
    /// What is read, laid out as a table.
    pub(super) layout: Layout,
    /// Names from which nothing is read, in the order in which they came.
    pub(super) ignored: Vec<String>,
    /// Where the values of a name go, if anywhere.
    places: HashMap<String, Option<usize>>,
}

impl Names {
    /// No name seen yet.
    pub(super) fn new(format: &'static Format) -> Self {
        let layout = Layout { header: Vec::new(), places: Vec::new(), sector: None };
        Self { format, layout, ignored: Vec::new(), places: HashMap::new() }
    }

    /// Learns the names of an object.
    pub(super) fn learn(&mut self, properties: &[Property]) {
        for property in properties {
            if self.places.contains_key(&property.name) {
                continue;
            }
            let key = property.key();
            let at = self.laid_out(&key).or_else(|| self.lay_out(&key, &property.name));
            if self.places.len() < NAMES_CAP && property.name.len() <= NAME_CAP {
                self.places.insert(property.name.clone(), at);
                let is_noted = at.is_some() || property.name.contains("@odata.");
                self.ignored.extend((!is_noted).then(|| cells::word(&property.name)).flatten());
            }
        }
    }

    fn laid_out(&self, key: &str) -> Option<usize> {
        self.layout.places.iter().find(|(column, _)| column.keys.contains(&key)).map(|(_, at)| *at)
    }

    /// A new place, if the format has a column of this key.
    fn lay_out(&mut self, key: &str, name: &str) -> Option<usize> {
        let column = self.format.columns.iter().find(|column| column.keys.contains(&key))?;
        let at = self.layout.header.len();
        self.layout.header.push(cells::word(name).unwrap_or_default());
        self.layout.places.push((column, at));
        Some(at)
    }

    /// Puts the columns into the order of `format`, which has the columns of the one so far.
    pub(super) fn settle(&mut self, format: &'static Format) {
        let found = mem::take(&mut self.layout.places);
        let at = |column: &Column| found.iter().find(|(own, _)| own.keys == column.keys).map(|(_, at)| *at);
        self.layout.places = format.columns.iter().filter_map(|column| Some((column, at(column)?))).collect();
        self.format = format;
    }

    /// Lays an object out as a row.
    pub(super) fn fill(
        &self,
        cells: &mut Cells,
        line: u32,
        properties: &[Property],
        reading: &Reading,
    ) -> Result<(), Rejected> {
        let mut row = vec![None; self.layout.header.len()];
        for property in properties {
            let Some(cell) = self.at(property).and_then(|at| row.get_mut(at)) else { continue };
            if cell.is_some() {
                return Err(Rejected::row(line, is_twice(&property.name)));
            }
            *cell = Some(property.text(reading).unwrap_or_default());
        }
        cells.fill(line, row.into_iter().map(|cell: Option<&str>| cell.unwrap_or_default()));
        Ok(())
    }

    fn at(&self, property: &Property) -> Option<usize> {
        self.places.get(&property.name).map_or_else(|| self.laid_out(&property.key()), |at| *at)
    }
}

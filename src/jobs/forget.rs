//! Forgets one person, and says which exports still name them: these cannot be edited, only removed.

use std::{collections::BTreeSet, fs::File, io, path::Path};

use aho_corasick::AhoCorasick;
use jiff::civil::Date;

use super::{
    JobError, Site,
    account::similar,
    load::file_name,
    raw_files::{Fate, RawFile, raw_files},
};
use crate::{
    domain::subject::Address,
    store::{Forgetting, Forgotten},
};

/// The first bytes of files that are packed: an address cannot be looked for in them.
const PACKED: [&[u8]; 2] = [b"PK", b"\x1f\x8b"];

/// What a person asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// Whoever has this address.
    pub address: &'a Address,
    /// Who decided it.
    pub by: &'a str,
    /// The exports that name them go too.
    pub with_files: bool,
}

/// What was erased, or would be.
#[derive(Debug)]
pub struct Erased {
    /// Of the store.
    pub store: Forgotten,
    /// The exports that name the person, or may.
    pub files: Vec<NamingFile>,
    /// The known addresses most like it; only where nothing was found.
    pub similar: Vec<Address>,
}

impl Erased {
    /// Nothing that names them was found anywhere.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.store.is_nothing() && self.files.is_empty()
    }
}

/// An export that names the person, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamingFile {
    /// Its name.
    pub name: String,
    /// It is packed, and may name anybody.
    pub is_packed: bool,
    /// The day from which on a run removes it; `None` when none ever does.
    pub goes_on: Option<Date>,
    /// It was removed, or would be.
    pub is_removed: bool,
}

/// Says what would be erased, and writes nothing.
///
/// # Errors
/// When the store fails or a folder cannot be read.
pub async fn rehearse(site: &Site, wish: Wish<'_>) -> Result<Erased, JobError> {
    let store = site.store.forget(&forgetting(site, wish, true)).await?;
    let files = naming_files(site, &store.addresses).await?;
    let files = files.into_iter().map(|(file, is_packed)| named(&file, is_packed, wish.with_files)).collect();
    erased(site, wish, store, files).await
}

/// Erases the person from the store, and then the exports that name them, where that was asked for.
///
/// # Errors
/// When the store fails or a file cannot be removed; what was erased until then stays erased.
pub async fn forget(site: &Site, wish: Wish<'_>) -> Result<Erased, JobError> {
    let store = site.store.forget(&forgetting(site, wish, false)).await?;
    let mut files = Vec::new();
    for (file, is_packed) in naming_files(site, &store.addresses).await? {
        let named = named(&file, is_packed, wish.with_files);
        if named.is_removed {
            file.remove()?;
        }
        files.push(named);
    }
    erased(site, wish, store, files).await
}

async fn erased(site: &Site, wish: Wish<'_>, store: Forgotten, files: Vec<NamingFile>) -> Result<Erased, JobError> {
    let mut erased = Erased { store, files, similar: Vec::new() };
    if erased.is_nothing() {
        erased.similar = similar(site, wish.address).await?;
    }
    Ok(erased)
}

fn forgetting<'a>(site: &Site, wish: Wish<'a>, is_rehearsal: bool) -> Forgetting<'a> {
    let (now, today) = (site.clock.now(), site.today());
    Forgetting { address: wish.address, by: wish.by, now, today, is_rehearsal }
}

/// Files of others are theirs to remove, whatever was asked for.
fn named(file: &RawFile, is_packed: bool, with_files: bool) -> NamingFile {
    let goes_on = match file.fate {
        Fate::Goes(on) => on,
        Fate::InForce | Fate::Waits | Fate::Strange => None,
    };
    let is_removed = with_files && file.fate != Fate::Strange;
    NamingFile { name: file_name(&file.path), is_packed, goes_on, is_removed }
}

/// The exports in archive and quarantine that name one of these addresses, or may: each with whether it is packed.
async fn naming_files(site: &Site, addresses: &BTreeSet<Address>) -> Result<Vec<(RawFile, bool)>, JobError> {
    let Ok(finder) = finder(addresses) else { return Ok(Vec::new()) };
    let mut naming = Vec::new();
    for file in raw_files(site, None).await? {
        let of_notes = file.note.as_deref().map(|note| names(&finder, note));
        let found = tokio::task::block_in_place(|| names(&finder, &file.path));
        let names = [of_notes, Some(found)].into_iter().flatten().collect::<Vec<_>>();
        if names.iter().any(|found| *found != Names::Nobody) {
            naming.push((file, names.iter().all(|found| *found != Names::Them)));
        }
    }
    Ok(naming)
}

/// Finds addresses in any case, in the encodings in which exports are written.
fn finder(addresses: &BTreeSet<Address>) -> Result<AhoCorasick, aho_corasick::BuildError> {
    let wide = |address: &Address, bytes: fn(u16) -> [u8; 2]| address.as_str().encode_utf16().flat_map(bytes).collect();
    let patterns = addresses.iter().flat_map(|address| -> [Vec<u8>; 3] {
        [address.as_str().as_bytes().to_vec(), wide(address, u16::to_le_bytes), wide(address, u16::to_be_bytes)]
    });
    AhoCorasick::builder().ascii_case_insensitive(true).build(patterns)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// It holds one of the addresses.
    Them,
    /// It is packed, or cannot be read.
    Perhaps,
    Nobody,
}

fn names(finder: &AhoCorasick, path: &Path) -> Names {
    match is_packed(path).and_then(|is_packed| Ok((is_packed, holds(finder, path)?))) {
        Ok((_, true)) => Names::Them,
        Ok((false, false)) => Names::Nobody,
        Ok((true, false)) | Err(_) => Names::Perhaps,
    }
}

fn is_packed(path: &Path) -> io::Result<bool> {
    let mut first = [0; 2];
    let read = io::Read::read(&mut File::open(path)?, &mut first)?;
    Ok(PACKED.iter().any(|mark| first.get(..read) == Some(*mark)))
}

fn holds(finder: &AhoCorasick, path: &Path) -> io::Result<bool> {
    finder.stream_find_iter(File::open(path)?).next().transpose().map(|found| found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_every_encoding_of_exports_and_not_in_what_is_packed() {
        let finder = finder(&BTreeSet::from([Address::new("ann.example1@nhs.net")])).expect("patterns");
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
        let table = [
            (b"name\nAnn.Example1@NHS.net\n".to_vec(), Names::Them),
            (utf16("name\nAnn.Example1@nhs.net\n"), Names::Them),
            (b"name\nbob.example2@nhs.net\n".to_vec(), Names::Nobody),
            (b"PK\x03\x04 whatever".to_vec(), Names::Perhaps),
            (b"\x1f\x8b whatever".to_vec(), Names::Perhaps),
            (Vec::new(), Names::Nobody),
        ];
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("export");
        for (bytes, expected) in table {
            std::fs::write(&path, &bytes).expect("written");
            assert_eq!(names(&finder, &path), expected, "{bytes:?}");
        }
        assert_eq!(names(&finder, &folder.path().join("gone")), Names::Perhaps);
    }
}

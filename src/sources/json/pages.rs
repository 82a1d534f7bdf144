//! What the pages of a file say of themselves.

/// What was said around the objects.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pages {
    /// Pages: envelopes, bare lists and single objects.
    all: u64,
    /// Of these, the ones that name a page after them.
    linked: u64,
    /// Of these, the ones that say to hold what was deleted.
    deleted: u64,
}

impl Pages {
    /// Whether a page is missing: of a whole list, the last page names none.
    pub(super) const fn is_partial(self) -> bool {
        self.linked > 0 && self.linked == self.all
    }

    /// Whether every page says to hold what was deleted.
    pub(super) const fn are_deleted(self) -> bool {
        self.deleted > 0 && self.deleted == self.all
    }

    /// Adds a page.
    pub(super) fn count(&mut self, page: Page) {
        self.all += 1;
        self.linked += u64::from(page.is_linked);
        self.deleted += u64::from(page.is_deleted);
    }
}

/// What a page says of itself.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Page {
    /// It names a page after it.
    pub(super) is_linked: bool,
    /// It says to hold what was deleted.
    pub(super) is_deleted: bool,
}

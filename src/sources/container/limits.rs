//! How much comes out of a packed file at most, watched while it is unpacked: a bomb costs little.
use std::io::{self, ErrorKind, Read};

use super::error::{ContainerError, damaged};

/// The largest export ever seen is about 1 GB of text; eight times that is beyond every site.
const MOST: u64 = 8 << 30;
/// Below this the ratio does not matter: reading it costs a second at most, and blank columns pack very well.
const FREE: u64 = 64 << 20;
/// Exports pack to a tenth, repetitive ones to a fiftieth; Deflate can do a thousandth.
const MOST_RATIO: u64 = 200;

/// A reader of unpacked bytes that fails beyond the limit.
pub(super) struct Bounded<R> {
    inner: R,
    what: &'static str,
    most: u64,
    seen: u64,
}

impl<R: Read> Bounded<R> {
    /// What comes out of `packed` bytes of a `what`.
    pub(super) fn new(inner: R, what: &'static str, packed: u64) -> Self {
        Self { inner, what, most: most_of(packed), seen: 0 }
    }
}

fn most_of(packed: u64) -> u64 {
    packed.saturating_mul(MOST_RATIO).clamp(FREE, MOST)
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into).map_err(|error| match error.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => damaged(self.what).into(),
            _ => error,
        })?;
        self.seen += read as u64;
        if self.seen > self.most {
            let most = format!("{} MiB", self.most >> 20);
            return Err(ContainerError::TooLarge { what: self.what, most }.into());
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_bounded_by_ratio_and_by_size() {
        assert_eq!(most_of(0), FREE);
        assert_eq!(most_of(1 << 20), 200 << 20);
        assert_eq!(most_of(u64::MAX), MOST);
        let seen = |bytes| io::copy(&mut Bounded::new(io::repeat(0).take(bytes), "gzip file", 1), &mut io::sink());
        assert_eq!(seen(FREE).expect("within"), FREE);
        assert!(seen(FREE + 1).is_err());
    }
}

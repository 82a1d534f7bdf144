//! Where the bytes of an export come from. Nothing else in `sources` opens a file.
use std::{
    io::{self, Read},
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use sha2::{Digest, Sha256};

use super::{container::Container, error::ReadError, files::open_file};

/// How much is read at a time where nobody else says.
const CHUNK: usize = 64 * 1024;

/// Pieces of a file that wait to be hashed.
const PIECES: usize = 4;

/// A file that may be an export. It can be read as often as one likes.
#[derive(Debug, Clone)]
pub(super) struct Input {
    path: PathBuf,
    container: Arc<Container>,
}

impl Input {
    /// The file at `path`; when it is packed, what is in it.
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        Ok(Self { path: path.to_owned(), container: Arc::new(Container::open(path)?) })
    }

    /// The names it may be dated by, the nearest first: its own in an archive, and the file's.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let file = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.container.inner_name().map(str::to_owned).into_iter().chain([file])
    }

    /// All its names, for a word that one of them may hold.
    pub(super) fn name(&self) -> String {
        self.names().collect::<Vec<_>>().join(" ")
    }

    /// The bytes of the export.
    pub(super) fn bytes(&self) -> io::Result<Box<dyn Read + Send>> {
        self.container.bytes()
    }

    /// The same, while what lies on the disk is hashed: on the way, or afterwards where it is packed.
    pub(super) fn hashed(&self) -> io::Result<Hashed> {
        let packed = if self.container.is_packed() { Some(self.path.clone()) } else { None };
        Ok(Hashed { bytes: self.bytes()?, packed, hasher: Hasher::start()? })
    }

    /// What an operator should know of how it was unpacked.
    pub(super) fn notes(&self) -> Vec<String> {
        self.container.notes()
    }
}

/// Bytes that are hashed while they are read.
pub(super) struct Hashed {
    bytes: Box<dyn Read + Send>,
    /// The file to hash when these are not its own bytes.
    packed: Option<PathBuf>,
    hasher: Hasher,
}

impl Hashed {
    /// SHA-256 of the whole file, lower-case hexadecimal; what has not been read yet is read now.
    pub(super) fn finish(mut self) -> io::Result<String> {
        let mut rest = vec![0; CHUNK];
        if let Some(path) = self.packed.take() {
            // What has not been unpacked yet may be damaged.
            while self.bytes.read(&mut rest)? > 0 {}
            self.bytes = Box::new(open_file(&path)?);
        }
        while self.read(&mut rest)? > 0 {}
        Ok(self.hasher.finish().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer)?;
        if self.packed.is_none() {
            self.hasher.update(buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

/// SHA-256 on a thread of its own: whoever reads a file of a gigabyte does not wait for it.
struct Hasher {
    give: SyncSender<Vec<u8>>,
    thread: JoinHandle<[u8; 32]>,
}

impl Hasher {
    fn start() -> io::Result<Self> {
        let (give, take) = sync_channel::<Vec<u8>>(PIECES);
        let hash = move || take.into_iter().fold(Sha256::new(), Digest::chain_update);
        let thread = Builder::new().name("hasher".to_owned()).spawn(|| hash().finalize().into())?;
        Ok(Self { give, thread })
    }

    fn update(&self, piece: &[u8]) {
        // Only a thread that has ended takes none, and that shows when it is waited for.
        drop(self.give.send(piece.to_vec()));
    }

    fn finish(self) -> [u8; 32] {
        drop(self.give);
        self.thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    }
}

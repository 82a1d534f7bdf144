//! The folder: every message becomes an `.eml` file, for trying lapsewatch out and for sites that send by other means.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;

use super::{Mailer, Outgoing, Receipt, SendError, Session};

/// Messages name people: the folder and its files are not for everybody on the machine.
const FOLDER_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// How many different messages may share a stem before it is taken for a mistake.
const MOST_OF_ONE_STEM: u32 = 99;

/// Writes messages into a folder.
#[derive(Debug, Clone)]
pub struct DirectoryMailer {
    folder: PathBuf,
}

impl DirectoryMailer {
    /// Writes into `folder`, which is made when the first message needs it, unless it was made ready.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Makes the folder, and tries whether messages can be written into it.
    ///
    /// # Errors
    /// `Folder` when that is not so.
    pub fn make_ready(folder: &Path) -> Result<(), SendError> {
        make_folder(folder)?;
        let file = write_aside(folder, "probe", b"")?;
        fs::remove_file(&file).map_err(|error| failed(&file, &error))
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Path) -> Result<T, SendError> + Send + 'static,
    ) -> Result<T, SendError> {
        let folder = self.folder.clone();
        let lost = |why: tokio::task::JoinError| SendError::Folder { path: self.folder.clone(), why: why.to_string() };
        tokio::task::spawn_blocking(move || work(&folder)).await.map_err(lost)?
    }
}

#[async_trait]
impl Mailer for DirectoryMailer {
    fn session(&self) -> Box<dyn Session> {
        Box::new(self.clone())
    }

    fn takes_repeats_as_one(&self) -> bool {
        true
    }

    fn describe(&self) -> String {
        format!("files in {}", self.folder.display())
    }

    async fn probe(&self) -> Result<(), SendError> {
        self.blocking(|folder| {
            // Folders that root makes here would be closed to the service: whatever is made for the probe goes with it.
            let missing: Vec<_> = folder.ancestors().take_while(|folder| !folder.exists()).collect();
            let file = write_aside(folder, "probe", b"")?;
            let removed = fs::remove_file(&file).map_err(|error| failed(&file, &error));
            for folder in missing {
                let _ = fs::remove_dir(folder);
            }
            removed
        })
        .await
    }
}

#[async_trait]
impl Session for DirectoryMailer {
    async fn send(&mut self, mail: &Outgoing) -> Result<Receipt, SendError> {
        let mail = mail.clone();
        self.blocking(move |folder| deposit(folder, &mail)).await
    }

    async fn close(&mut self) {}
}

/// Puts the message into the folder whole or not at all: a message that is there already is left as it is, and a
/// different one of the same name is never overwritten.
fn deposit(folder: &Path, mail: &Outgoing) -> Result<Receipt, SendError> {
    check_stem(mail)?;
    make_folder(folder)?;
    for nth in 1..=MOST_OF_ONE_STEM {
        let name = if nth == 1 { format!("{}.eml", mail.file_stem) } else { format!("{}-{nth}.eml", mail.file_stem) };
        let path = folder.join(&name);
        match fs::read(&path) {
            Ok(there) if there == mail.raw => return Ok(receipt(&path, name)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let aside = write_aside(folder, &mail.file_stem, &mail.raw)?;
                fs::rename(&aside, &path).map_err(|error| failed(&path, &error))?;
                return Ok(receipt(&path, name));
            }
            Err(error) => return Err(failed(&path, &error)),
        }
    }
    let why = format!("there are {MOST_OF_ONE_STEM} other messages of that name");
    Err(SendError::Folder { path: folder.join(format!("{}.eml", mail.file_stem)), why })
}

fn receipt(path: &Path, name: String) -> Receipt {
    Receipt { reply: format!("written to {}", path.display()), assigned_id: Some(name) }
}

fn check_stem(mail: &Outgoing) -> Result<(), SendError> {
    let stem = &mail.file_stem;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !stem.is_empty() && !stem.starts_with('.') && stem.chars().all(is_plain) {
        return Ok(());
    }
    Err(SendError::Unsendable { to: mail.to.clone(), why: format!("{stem:?} is no name for a file") })
}

fn make_folder(folder: &Path) -> Result<(), SendError> {
    fs::DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(|error| failed(folder, &error))
}

/// Writes a hidden file with a name of its own, safe on the disk, to be renamed.
fn write_aside(folder: &Path, stem: &str, bytes: &[u8]) -> Result<PathBuf, SendError> {
    static NTH: AtomicU64 = AtomicU64::new(0);
    make_folder(folder)?;
    let nth = NTH.fetch_add(1, Ordering::Relaxed);
    let path = folder.join(format!(".{stem}.{}-{nth}.tmp", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(FILE_MODE).open(&path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(|error| {
        // Half a file helps nobody; that it cannot be removed either is the same trouble, told once.
        let _ = fs::remove_file(&path);
        failed(folder, &error)
    })?;
    Ok(path)
}

fn failed(path: &Path, error: &io::Error) -> SendError {
    SendError::Folder { path: path.to_owned(), why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::delivery::Decision;

    fn mail(raw: &str) -> Outgoing {
        let (from, to) = ("reminders@anyshire.example".into(), "j.doe@anyshire.example".into());
        Outgoing { from, to, raw: raw.into(), file_stem: "2026-11-20-NR-4K7P-2M2X".into() }
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn the_same_message_twice_is_one_file_and_another_is_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let mailer = DirectoryMailer::new(home.path().join("out/box"));
        let mut session = mailer.session();
        for raw in ["one\r\n", "one\r\n", "two\r\n", "two\r\n"] {
            session.send(&mail(raw)).await.unwrap();
        }
        let folder = home.path().join("out/box");
        assert_eq!(names(&folder), ["2026-11-20-NR-4K7P-2M2X-2.eml", "2026-11-20-NR-4K7P-2M2X.eml"]);
        assert_eq!(fs::read(folder.join("2026-11-20-NR-4K7P-2M2X.eml")).unwrap(), b"one\r\n");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_named_and_stops_the_batch() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("occupied");
        fs::write(&file, "").unwrap();
        let mailer = DirectoryMailer::new(file.join("mail"));
        let error = mailer.session().send(&mail("one")).await.unwrap_err();
        assert_eq!(error.decision(), Decision::SenderWide);
        assert!(error.to_string().contains("occupied/mail") && error.to_string().contains("mail.directory"), "{error}");
        assert!(mailer.probe().await.is_err());
    }

    #[tokio::test]
    async fn a_probe_leaves_nothing_behind_and_a_name_cannot_leave_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let mailer = DirectoryMailer::new(home.path());
        mailer.probe().await.unwrap();
        DirectoryMailer::new(home.path().join("out/box")).probe().await.unwrap();
        let outside = Outgoing { file_stem: "../escape".into(), ..mail("one") };
        assert_eq!(mailer.session().send(&outside).await.unwrap_err().decision(), Decision::RejectedRecipient);
        assert!(names(home.path()).is_empty());
    }
}

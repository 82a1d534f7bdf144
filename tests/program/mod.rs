//! The program as a script meets it: a folder of its own, arguments in, exit code and text out.
use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hasher},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// The morning of every trial unless it says otherwise: Friday 20 November 2026, 8am.
pub const MORNING: &str = "2026-11-20T08:00:00Z";

/// Four accounts and a shared mailbox: one used yesterday, three near their ends, one past it.
pub const ACCOUNTS: &str = "\
as_of,id,address,display_name,kind,status,ods,org_name,created_at,last_activity_at,last_sent_at
2026-11-20,a-1,ada.example@nhs.net,\"EXAMPLE, Ada\",user,Active,TP1A2,NORTHTOWN OPTICIANS,2024-02-03,2026-11-19,
2026-11-20,a-2,sam.sample1@nhs.net,\"SAMPLE, Sam\",user,Active,TP1A2,NORTHTOWN OPTICIANS,2024-02-03,2026-09-25,
2026-11-20,a-3,kit.hill@nhs.net,\"HILL, Kit\",user,Active,TP1A2,NORTHTOWN OPTICIANS,2024-02-03,2026-10-06,
2026-11-20,a-4,lee.mockford@nhs.net,\"MOCKFORD, Lee\",user,Active,TP1A2,NORTHTOWN OPTICIANS,2024-02-03,2026-09-22,
2026-11-20,a-5,pat.past@nhs.net,\"PAST, Pat\",user,Active,TP1A2,NORTHTOWN OPTICIANS,2024-02-03,2026-06-01,
2026-11-20,s-1,optometry.tp1a2@nhs.net,\"OPTOMETRY, TP1A2\",shared,Active,TP1A2,NORTHTOWN OPTICIANS,2024-02-03,,2026-06-01
";

/// Who owns the shared mailbox.
pub const CONTACTS: &str = "\
ods_code,sector,site_name,town,shared_mailbox,address,role,alternate_address,administered_by
TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,optometry.tp1a2@nhs.net,ada.example@nhs.net,owner,,NAS
TP1A2,Optometry,NORTHTOWN OPTICIANS,Northtown,optometry.tp1a2@nhs.net,sam.sample1@nhs.net,member,sam@northtown.example,NAS
";

const CONFIG: &str = r#"
[database]
url = "sqlite:HOME/data/lapsewatch.db"
[snapshots]
inbox = "inbox"
archive = "archive"
quarantine = "quarantine"
settle_secs = 0
[mail]
from = "NHSmail reminders <reminders@anyshire.example>"
operator = "operator@anyshire.example"
directory = "outgoing"
[operator]
phone = "01632 960100"
"#;

/// How the program ended and what it said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    /// Everything a person would see, for a snapshot.
    pub fn screen(&self) -> String {
        let part = |name: &str, text: &str| match text.trim_end() {
            "" => String::new(),
            text => format!("--- {name}\n{text}\n"),
        };
        let all = format!("exit code {}\n{}{}", self.code, part("output", &self.out), part("errors", &self.err));
        without_ports(&all)
    }

    #[track_caller]
    pub fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.screen());
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }
}

/// A folder with a configuration and an empty inbox; its path is always as long, as lines are broken by length.
pub struct Trial {
    folder: TempDir,
}

impl Trial {
    pub fn new() -> Self {
        let trial = Self { folder: tempfile::tempdir_in("/tmp").unwrap() };
        fs::create_dir(trial.path("inbox")).unwrap();
        trial.write("lapsewatch.toml", CONFIG.replace("HOME", &trial.home()));
        trial
    }

    /// With the accounts and the contacts in the inbox.
    pub fn with_exports() -> Self {
        let trial = Self::new();
        trial.drop_in("2026-11-20 accounts.csv", ACCOUNTS);
        trial.drop_in("site-contacts.csv", CONTACTS);
        trial
    }

    fn home(&self) -> String {
        self.folder.path().display().to_string()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn drop_in(&self, name: &str, text: impl AsRef<[u8]>) {
        self.write(&format!("inbox/{name}"), text);
    }

    /// Runs it with the trial's configuration, in the morning.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_at(MORNING, arguments)
    }

    pub fn run_at(&self, instant: &str, arguments: &[&str]) -> Ran {
        let config = self.path("lapsewatch.toml");
        let before = ["--config", &config.display().to_string(), "--at", instant].map(str::to_owned);
        let mut command = self.command();
        command.args(before).args(arguments);
        self.finish(command)
    }

    /// The bare program in an environment of its own, in the trial's folder. Nothing is held back: these trials are
    /// about what is sent, and their sites are too small and too new for the gates.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lapsewatch"));
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("LAPSEWATCH__ADOPTION__HOLD", "false").env("LAPSEWATCH__BREAKER__ENABLED", "false");
        command
    }

    pub fn finish(&self, mut command: Command) -> Ran {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(&self.home(), "[HOME]");
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Every file below the trial's folder with a hash of what is in it.
    pub fn tree(&self) -> BTreeMap<String, u64> {
        let mut files = BTreeMap::new();
        read_tree(self.folder.path(), self.folder.path(), &mut files);
        files
    }

    /// The names in one folder, in order; none when there is no such folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// To whom messages were written into the folder, in order.
    pub fn recipients(&self) -> Vec<String> {
        let names = self.names("outgoing").into_iter();
        let to = |name: String| {
            let text = fs::read_to_string(self.path("outgoing").join(name)).unwrap();
            let line = text.lines().find(|line| line.starts_with("To: ")).unwrap().to_owned();
            let address = line.rsplit(['<', ' ']).next().unwrap();
            address.trim_end_matches('>').to_owned()
        };
        let mut recipients: Vec<_> = names.map(to).collect();
        recipients.sort();
        recipients
    }
}

/// `127.0.0.1:40123` is another number every time.
fn without_ports(text: &str) -> String {
    let mut parts = text.split("127.0.0.1:");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked += "127.0.0.1:[PORT]";
        masked += part.trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    masked
}

fn read_tree(root: &Path, folder: &Path, files: &mut BTreeMap<String, u64>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_dir() {
            files.insert(format!("{name}/"), 0);
            read_tree(root, &path, files);
        } else {
            let mut hasher = DefaultHasher::new();
            hasher.write(&fs::read(&path).unwrap());
            files.insert(name, hasher.finish());
        }
    }
}

//! An invented site of many practices, in which much is due on Monday 23 November 2026 and nothing new until Friday,
//! so that time can move for three days without moving anybody onto another stage.
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// Everything is due at this instant, a minute before anything is done.
pub const MONDAY: &str = "2026-11-23T08:00:00Z";
/// The day before: here the daemon learns that it is new, so that Monday's run is not its first start.
pub const SUNDAY: &str = "2026-11-22T09:00:00Z";
/// Nothing waits longer: on Friday other stages are due.
pub const THURSDAY_NIGHT: &str = "2026-11-26T22:00:00Z";

pub const OPERATOR: &str = "operator@anyshire.example";

/// One account of every practice: what is wrong with it and since when. Its ladder stands still until Friday.
struct Case {
    name: &'static str,
    status: &'static str,
    active_on: &'static str,
    password_on: &'static str,
    leaver_on: &'static str,
    has_alternate: bool,
}

const CASE: Case =
    Case { name: "", status: "Active", active_on: "2026-11-20", password_on: "", leaver_on: "", has_alternate: false };

const CASES: [Case; 10] = [
    Case { name: "nell.nudge", active_on: "2026-10-30", ..CASE },
    Case { name: "ian.inactive", active_on: "2026-10-21", ..CASE },
    Case { name: "ida.inactive", active_on: "2026-10-20", has_alternate: true, ..CASE },
    Case { name: "will.warn", active_on: "2026-10-07", ..CASE },
    Case { name: "ursula.urgent", active_on: "2026-10-01", ..CASE },
    Case { name: "wanda.warn", active_on: "2026-10-06", ..CASE },
    Case { name: "fay.final", active_on: "2026-09-27", has_alternate: true, ..CASE },
    Case { name: "earl.early", password_on: "2025-12-13", ..CASE },
    Case { name: "rem.remind", password_on: "2025-12-05", ..CASE },
    Case { name: "leo.leaver", status: "Active (Leaver)", leaver_on: "2026-11-07", ..CASE },
];

/// Where the program keeps what it knows.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a file of the site's own folder.
    Sqlite,
    /// In the database behind this URL.
    Postgres(String),
}

/// A folder with a configuration, an inbox with exports, and a store.
pub struct Site {
    folder: TempDir,
    practices: usize,
}

impl Site {
    /// A site whose messages leave through the server at `port`, which is waited for so long at every step.
    pub fn new(practices: usize, place: &Place, port: u16, limit_secs: u64) -> Self {
        let site = Self { folder: tempfile::tempdir().unwrap(), practices };
        for name in ["inbox", "archive", "quarantine"] {
            fs::create_dir(site.path(name)).unwrap();
        }
        let url = match place {
            Place::Sqlite => "sqlite:data/store.db".to_owned(),
            Place::Postgres(url) => url.clone(),
        };
        fs::write(site.path("lapsewatch.toml"), configuration(&url, port, limit_secs)).unwrap();
        site
    }

    /// The names in one of its folders, in order.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Drops Monday's exports into the inbox.
    pub fn drop_exports(&self) {
        fs::write(self.path("inbox/2026-11-23 accounts.csv"), self.accounts()).unwrap();
        fs::write(self.path("inbox/site-contacts.csv"), self.contacts()).unwrap();
    }

    /// The program, with nothing of our environment.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lapsewatch"));
        command.env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.arg("--config").arg(self.path("lapsewatch.toml")).args(["--color", "never"]);
        command
    }

    /// Runs a command to its end; what it printed on standard output.
    pub fn ask(&self, at: &str, arguments: &[&str]) -> String {
        self.try_to_ask(at, arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same, or what was wrong.
    pub fn try_to_ask(&self, at: &str, arguments: &[&str]) -> Result<String, String> {
        let output = self.program().args(["--at", at]).args(arguments).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let is_done = output.status.success();
        is_done
            .then(|| out.to_string())
            .ok_or_else(|| format!("{arguments:?} ended with {}:\n{out}{err}", output.status))
    }

    /// Everybody who can be told of each account, the operator too.
    pub fn rungs(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut rungs = BTreeMap::new();
        for nth in 0..self.practices {
            let around = [owner(nth), mailbox(nth), member(nth), contact(nth), OPERATOR.to_owned()];
            for case in &CASES {
                let mut all = BTreeSet::from(around.clone());
                all.insert(account(case, nth));
                all.extend(case.has_alternate.then(|| alternate(case, nth)));
                rungs.insert(account(case, nth), all);
            }
        }
        rungs
    }

    fn accounts(&self) -> String {
        let mut text = "as_of,id,address,display_name,kind,status,ods,org_name,created_at,last_activity_at,\
                        last_password_change_at,leaver_at\n"
            .to_owned();
        for nth in 0..self.practices {
            let ods = ods(nth);
            let mut row = |address: &str, kind: &str, case: &Case| {
                let Case { status, active_on, password_on, leaver_on, .. } = case;
                writeln!(
                    text,
                    "2026-11-23,id-{address},{address},,{kind},{status},{ods},PRACTICE {nth},2024-02-03,{active_on},\
                     {password_on},{leaver_on}"
                )
                .unwrap();
            };
            row(&mailbox(nth), "shared", &Case { active_on: "", ..CASE });
            row(&owner(nth), "user", &CASE);
            row(&member(nth), "user", &CASE);
            for case in &CASES {
                row(&account(case, nth), "user", case);
            }
        }
        text
    }

    fn contacts(&self) -> String {
        let mut text =
            "ods_code,sector,site_name,town,shared_mailbox,address,role,alternate_address,administered_by\n".to_owned();
        for nth in 0..self.practices {
            let mut row = |address: &str, role: &str, alternate: &str| {
                let (ods, mailbox) = (ods(nth), mailbox(nth));
                writeln!(text, "{ods},Optometry,PRACTICE {nth},Anytown,{mailbox},{address},{role},{alternate},")
                    .unwrap();
            };
            row(&owner(nth), "owner", "");
            row(&member(nth), "member", "");
            row(&contact(nth), "site", "");
            for case in CASES.iter().filter(|case| case.has_alternate) {
                row(&account(case, nth), "admin", &alternate(case, nth));
            }
        }
        text
    }
}

fn configuration(url: &str, port: u16, limit_secs: u64) -> String {
    format!(
        "[database]\nurl = \"{url}\"\n\
         [snapshots]\ninbox = \"inbox\"\narchive = \"archive\"\nquarantine = \"quarantine\"\n\
         settle_secs = 0\npoll_secs = 1\n\
         [operator]\nphone = \"01632 960100\"\n\
         [mail]\nfrom = \"NHSmail reminders <reminders@anyshire.example>\"\noperator = \"{OPERATOR}\"\n\
         transport = \"smtp\"\n\
         [mail.smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nauth = \"none\"\nconnections = 3\n\
         timeout_secs = {limit_secs}\n\
         [breaker]\nenabled = false\n[adoption]\nhold = false\n"
    )
}

fn ods(nth: usize) -> String {
    format!("TP{nth:03}")
}

fn mailbox(nth: usize) -> String {
    format!("optometry.tp{nth:03}@nhs.net")
}

fn owner(nth: usize) -> String {
    format!("olive.owner{nth}@nhs.net")
}

fn member(nth: usize) -> String {
    format!("mo.member{nth}@nhs.net")
}

fn contact(nth: usize) -> String {
    format!("manager@practice{nth}.example")
}

fn account(case: &Case, nth: usize) -> String {
    format!("{}{nth}@nhs.net", case.name)
}

fn alternate(case: &Case, nth: usize) -> String {
    format!("{}@home{nth}.example", case.name)
}

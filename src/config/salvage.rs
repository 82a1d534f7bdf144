//! What can be used of a configuration that cannot: enough to tell the operator by mail that it is wrong.
//!
//! Never for anything else: a daemon that ran on a part of its settings would mail the wrong people.
use super::{Config, DEFAULTS, Sources, Table, arguments, layer, problem::Collector, read};
use std::{fs, path::Path, sync::Arc};

use super::layer::{Kind, Text};

/// The sections by which mail leaves.
const OF_MAIL: [&str; 2] = ["mail", "operator"];

/// The configuration with defaults in place of what is wrong; if that is not enough, only what it says of mail. `None`
/// when even that is wrong.
#[must_use]
pub fn salvage(sources: &Sources<'_>) -> Option<Config> {
    let given = given(sources);
    let of_mail = given.clone().into_iter().filter(|(name, _)| OF_MAIL.contains(&name.as_str())).collect();
    [given, of_mail].into_iter().find_map(|given: Table| {
        let ignored = Collector::default();
        let mut table = layer::parse(&text("built in", DEFAULTS, Kind::Defaults, 0), &ignored)?;
        layer::overlay(&mut table, given);
        read(table, sources.today, &ignored)
    })
}

/// File, environment and `--set`, as far as they can be read.
fn given(sources: &Sources<'_>) -> Table {
    let ignored = Collector::default();
    let mut table = Table::new();
    if let Some(file) = sources.file
        && let Ok(body) = fs::read_to_string(file)
    {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        table = layer::recover(&text(&file.display().to_string(), &body, Kind::File(folder), 1));
    }
    for (rank, argument) in (2..).zip(arguments(sources)) {
        let set = layer::argument(argument.name, &argument.key, argument.value.as_deref(), rank, &ignored);
        layer::overlay(&mut table, set);
    }
    table
}

fn text(name: &str, body: &str, kind: Kind, rank: usize) -> Arc<Text> {
    Arc::new(Text { name: name.to_owned(), body: body.to_owned(), kind, rank })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn salvaged(body: &str) -> Option<Config> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lapsewatch.toml");
        fs::write(&file, body).unwrap();
        let sources = Sources { file: Some(&file), today: date(2026, 11, 20), ..Sources::default() };
        assert!(super::super::load(&sources).is_err(), "{body}");
        salvage(&sources)
    }

    #[test]
    fn whatever_else_is_wrong_mail_finds_its_way() {
        let mail = "[mail]\noperator = \"op@anyshire.example\"\ntransport = \"smtp\"\n[mail.smtp]\nhost = \"smtp.anyshire.example\"\n";
        for wrong in [
            "[policy]\ntime_zone = 5\n",
            "[rules.password]\nstages = 3\n",
            "[mail.quota]\nper_minit = 3\n",
            "[nonsense]\n",
            "[schedule\nevaluate = \n",
        ] {
            let config = salvaged(&format!("{mail}{wrong}")).expect(wrong);
            assert_eq!(
                (config.mail.operator.as_str(), config.mail.smtp.host.as_str()),
                ("op@anyshire.example", "smtp.anyshire.example"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn without_a_way_for_mail_there_is_nothing_to_save() {
        assert!(salvaged("[mail]\noperator = \"nobody\"\n").is_none());
    }
}

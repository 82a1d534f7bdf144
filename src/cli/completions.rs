//! `completions`: what completes the command line in a shell, from its own definition. Needs no configuration.

use std::io::Write;

use clap::CommandFactory;

use super::{
    Exit,
    args::{Arguments, Completions},
};

/// Prints the completions of a shell.
pub fn completions(options: &Completions) -> anyhow::Result<Exit> {
    let mut words = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "lapsewatch", &mut words);
    std::io::stdout().write_all(&words)?;
    Ok(Exit::Done)
}

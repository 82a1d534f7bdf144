//! `preview`: write messages to files without sending.

use std::fs;

use anyhow::Context;

use super::{
    Exit,
    args::Preview,
    screen::{self, hanging, say},
};
use crate::{
    config::Config,
    domain::subject::Address,
    jobs::deliver::renderer,
    mail::{
        compose::{Envelope, compose},
        render::{Brief, Renderer},
    },
};

/// Writes every message, or those of one rule and stage, as `.eml`, `.html` and `.txt`.
pub fn preview(config: &Config, options: &Preview) -> anyhow::Result<Exit> {
    let renderer = renderer(config)?;
    let samples = renderer.samples(options.rule.map(|rule| (rule, options.stage.as_deref())));
    if samples.is_empty() {
        let stage = options.stage.as_deref().unwrap_or("");
        anyhow::bail!("there is no message for the stage {stage:?} of that rule");
    }
    fs::create_dir_all(&options.to).with_context(|| format!("cannot make {}", options.to.display()))?;
    for (name, brief) in &samples {
        write(config, &renderer, options, name, brief)?;
    }
    let written = screen::counted(samples.len() as u64, "message");
    let told = format!("Wrote {written} to {} as .eml, .html and .txt. Nothing was sent.", options.to.display());
    say!("{}", hanging(&told, 0));
    Ok(Exit::Done)
}

fn write(config: &Config, renderer: &Renderer, options: &Preview, name: &str, brief: &Brief) -> anyhow::Result<()> {
    let words = renderer.render(brief)?;
    let to = Address::new(&brief.recipient.address);
    let message_id = format!("{}@{}", name.replace('.', "-"), config.mail.from.email.domain());
    let noon = brief.today.at(12, 0, 0, 0).to_zoned(config.time_zone.clone())?;
    let envelope = Envelope {
        from: &config.mail.from,
        reply_to: config.mail.reply_to.as_ref(),
        to: &to,
        to_name: brief.recipient.name.as_deref(),
        message_id: &message_id,
        date: noon.timestamp(),
        reference: &brief.reference,
    };
    let raw = compose(&envelope, &words)?;
    let files: [(&str, &[u8]); 3] = [("eml", &raw), ("html", words.html.as_bytes()), ("txt", words.text.as_bytes())];
    for (ending, bytes) in files {
        let path = options.to.join(format!("{name}.{ending}"));
        fs::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    say!("{name}\n    {}", words.subject);
    Ok(())
}

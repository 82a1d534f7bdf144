//! `tell-failure`: mail the operator that a unit has failed. The service manager calls it (`OnFailure=`).
//!
//! The store may be what failed, so it is not opened; the configuration may be, so what is left of it is used, and the
//! message says what is wrong with it. How often somebody is told is the unit's to say.

use std::{env, sync::Arc, time::Duration};

use super::{
    Exit,
    args::TellFailure,
    run::Settings,
    screen::say,
    test_mail::{hostname, send},
};
use crate::{
    app,
    clock::Clock,
    config::{Config, Loaded, Severity},
    domain::delivery::Decision,
    jobs::deliver::{built_in_renderer, renderer},
    mail::{
        SendError,
        render::{Failure, Rendered},
    },
};

/// How long to wait before each further try, when the mail server cannot be used just now.
const PAUSES: [Duration; 3] = [Duration::from_secs(30), Duration::from_mins(2), Duration::from_mins(7)];

/// Tells it, and prints what the server said.
pub async fn tell_failure(settings: &Settings, options: &TellFailure) -> anyhow::Result<Exit> {
    let (config, problems) = match settings.load() {
        Ok(Loaded { config, .. }) => (Some(config), Vec::new()),
        Err(problems) => (settings.salvage(), problems.0),
    };
    let problems = problems.iter().filter(|problem| problem.severity == Severity::Error);
    let problems: Vec<_> = problems.map(crate::config::Problem::one_line).collect();
    let Some(config) = config else {
        anyhow::bail!("nobody is told that {} has failed: {}", options.unit, problems.join("; "));
    };
    let clock = Arc::clone(&settings.clock);
    let failure = Failure {
        unit: options.unit.clone(),
        host: hostname(),
        on: clock.today(&config.time_zone),
        what: what_is_known(|name| env::var(name).ok()),
        problems,
    };
    let receipt = send_patiently(&config, clock.as_ref(), &write(&config, &failure)?).await?;
    say!("The operator is told that {} has failed: {receipt}", options.unit);
    Ok(Exit::Done)
}

/// Content files of the operator's own may be what is wrong.
fn write(config: &Config, failure: &Failure) -> anyhow::Result<Rendered> {
    if let Ok(own) = renderer(config)
        && let Ok(rendered) = own.failure_message(failure)
    {
        return Ok(rendered);
    }
    Ok(built_in_renderer(config)?.failure_message(failure)?)
}

async fn send_patiently(config: &Config, clock: &dyn Clock, message: &Rendered) -> Result<String, SendError> {
    let mailer = app::mailer(config)?;
    let to = &config.policy.operator;
    for pause in PAUSES {
        match send(config, clock, mailer.as_ref(), to, message, "failure").await {
            Err(failure) if may_pass(&failure) => {
                tracing::warn!("the operator cannot be told yet: {failure}");
                tokio::time::sleep(pause).await;
            }
            ended => return ended.map(|receipt| receipt.reply),
        }
    }
    send(config, clock, mailer.as_ref(), to, message, "failure").await.map(|receipt| receipt.reply)
}

const fn may_pass(failure: &SendError) -> bool {
    matches!(failure.decision(), Decision::TransportDown | Decision::DeferredMessage)
}

/// What the service manager says of the failure, in the variables that it gives a unit started by `OnFailure=`.
fn what_is_known(variable: impl Fn(&str) -> Option<String>) -> String {
    let result = variable("MONITOR_SERVICE_RESULT").unwrap_or_default();
    let status = variable("MONITOR_EXIT_STATUS").unwrap_or_default();
    let ended = match status.as_str() {
        "" => String::new(),
        "2" => "it was called in a wrong way (exit code 2).".to_owned(),
        "3" => "its settings are wrong (exit code 3).".to_owned(),
        "5" => "its database cannot be used (exit code 5).".to_owned(),
        "243" => "its credentials cannot be read (exit code 243).".to_owned(),
        code if code.parse::<u8>().is_ok() => format!("it ended with exit code {code}."),
        signal => format!("it was ended by the signal {signal}."),
    };
    match result.as_str() {
        "" => "systemd gave no reason.".to_owned(),
        "start-limit-hit" if ended.is_empty() => "it was started many times and ended each time.".to_owned(),
        "start-limit-hit" => format!("it was started many times and ended each time. The last time {ended}"),
        "watchdog" => "it did not get on any more and was ended.".to_owned(),
        "oom-kill" => "it needed more memory than it may have.".to_owned(),
        "timeout" => "it took too long to start or to stop.".to_owned(),
        _ if ended.is_empty() => format!("systemd calls it \"{result}\"."),
        _ => ended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_manager_says_becomes_a_sentence() {
        let known = |result: &str, status: &str| {
            what_is_known(|name| match name {
                "MONITOR_SERVICE_RESULT" => Some(result.to_owned()),
                "MONITOR_EXIT_STATUS" => Some(status.to_owned()),
                _ => None,
            })
        };
        assert_eq!(known("exit-code", "3"), "its settings are wrong (exit code 3).");
        assert_eq!(known("exit-code", "1"), "it ended with exit code 1.");
        assert_eq!(known("signal", "KILL"), "it was ended by the signal KILL.");
        assert_eq!(known("watchdog", "ABRT"), "it did not get on any more and was ended.");
        assert_eq!(
            known("start-limit-hit", "5"),
            "it was started many times and ended each time. The last time its database cannot be used (exit code 5)."
        );
        assert_eq!(what_is_known(|_| None), "systemd gave no reason.");
    }
}

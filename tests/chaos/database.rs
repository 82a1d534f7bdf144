//! A database that goes away for a minute and comes back: the replicas say so, wait, and go on.
use std::time::Duration;

use super::{
    fleet::{Aim, log, tail},
    journal::What,
    postgres::Database,
    rig::Rig,
    site::MONDAY,
};

const PATIENCE: Duration = Duration::from_mins(4);

const A_MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn replicas_whose_database_goes_away_for_a_minute_wait_and_go_on() {
    let Some(database) = Database::set_up("a database that goes away").await else { return };
    let rig = Rig::calm(&database.place()).await;
    rig.move_in().await;
    rig.weather.slow_down(Duration::from_millis(20));
    let lives: Vec<_> = (0..2).map(|_| rig.fleet.begin(&rig.site, MONDAY, "run", Aim::Nowhere)).collect();
    rig.kept(50, PATIENCE).await;
    for life in &lives {
        rig.journal.note(*life, "", "", What::Blinded("the database is gone".into()));
    }
    database.door.shut();
    tokio::time::sleep(A_MINUTE).await;
    for life in &lives {
        assert!(rig.fleet.lives(*life), "{}", tail(&rig.site, *life));
        let words = log(&rig.site, *life);
        let complaints = words.lines().filter(|line| line.contains("database")).count();
        assert!((1..60).contains(&complaints), "{complaints} complaints:\n{}", tail(&rig.site, *life));
    }

    database.door.open_again();
    // Whose right it is to plan is found out anew first.
    rig.at_rest_for(lives[0], PATIENCE, A_MINUTE / 2).await;
    for life in &lives {
        rig.fleet.stop(&rig.site, *life).await;
    }
    rig.judge(MONDAY);
    database.tear_down().await;
}

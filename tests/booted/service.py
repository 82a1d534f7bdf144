"""What the service manager does with it from day to day: reloads, hangs, kills, stops."""
import contextlib
import time

import mail
from box import wait_for
from checks import check
from house import UNIT

TUESDAY, LATER_ON_TUESDAY, WEDNESDAY = "2026-11-24T08:10:00Z", "2026-11-24T08:25:00Z", "2026-11-25T08:10:00Z"
PEOPLE = 30
# After so many answers the mail server is silent: it has taken some messages, and has not heard of most.
ANSWERS = 100
# What the program opens at once; each may have one message under way, and one that waits for it.
CONNECTIONS = 3


@check("a reload of wrong settings is refused and said so; the old ones stay in force")
def refuses(house):
    house.configure(house.settings_for_work().replace("587", '"many"'))
    process, mark = house.process(), house.mark()
    done = house.systemctl("reload", UNIT)
    assert done.returncode != 0, "`systemctl reload` ends as if all were well"
    house.wait_for_journal("the old one stays in force", mark)
    assert "lapsewatch.toml:" in house.journal(mark, "-p", "err"), house.journal(mark)
    assert "rejected" in house.show("StatusText"), house.show("StatusText")
    assert (house.process(), house.show("ActiveState")) == (process, "active"), house.last_words()
    house.configure(house.settings_for_work())
    house.reload()
    wait_for("the status of the new settings", lambda: "rejected" not in house.show("StatusText"))


@check("the watchdog ends a daemon that hangs; it is started again, and nobody is told that it has stopped", guards="watchdog")
def watchdog(house):
    assert house.show("WatchdogUSec") not in ("0", "infinity"), "the unit has no watchdog"
    house.drop_in("watchdog", "[Service]\nWatchdogSec=2s\nRestartSec=200ms\n")
    try:
        house.restart()
        process, mark = house.process(), house.mark()
        house.signal("STOP")
        wait_for("another process", lambda: house.process() not in (process, 0), seen=house.last_words)
        house.wait_until_active()
        assert "Watchdog timeout" in house.journal(mark), house.journal(mark)
        assert "Triggering OnFailure" not in house.journal(mark), house.journal(mark)
    finally:
        house.no_drop_in("watchdog")
    house.restart()


@check("killed in the middle of a delivery it is started again, and nothing is sent twice or lost", guards="restart")
def survives_a_kill(house):
    assert house.show("Restart") == "on-failure", f"Restart={house.show('Restart')}: a killed daemon stays dead"
    with in_the_middle_of_a_delivery(house, "2026-11-24", TUESDAY, 100):
        house.is_now(LATER_ON_TUESDAY)
        restarts, mark = int(house.show("NRestarts")), house.mark()
        house.signal("KILL")
        wait_for("another process", lambda: int(house.show("NRestarts")) == restarts + 1, seen=house.last_words)
        house.wait_until_active()
    judge(house, 100)
    assert "was cut off" in house.journal(mark), house.journal(mark)
    assert not house.told_of_failures(), "the operator was told that it had stopped"


@check("stopped in the middle of a delivery it ends within 10 s, and goes on after the next start")
def stops(house):
    with in_the_middle_of_a_delivery(house, "2026-11-25", WEDNESDAY, 200):
        begun = time.monotonic()
        house.must("systemctl", "stop", UNIT)
        took = time.monotonic() - begun
        assert took < 10, f"it took {took:.1f} s"
        ended = (house.show("ActiveState"), house.show("Result"), house.show("ExecMainStatus"))
        assert ended == ("inactive", "success", "0"), ended
    house.must("systemctl", "start", UNIT)
    judge(house, 200)


@contextlib.contextmanager
def in_the_middle_of_a_delivery(house, day, instant, first):
    """A warning is due for each of some people, a few have left, and the server is silent until the end."""
    house.mail.let_pass(ANSWERS)
    try:
        house.drop_people(day, range(first, first + PEOPLE), "2026-11-03")
        house.is_now(instant)
        house.restart()
        house.wait_for_messages(3, f"person.{first // 100}")
        assert len(house.recipients(f"person.{first // 100}")) < PEOPLE, "the delivery has ended"
        yield
    finally:
        house.mail.let_pass("all")


def judge(house, first):
    """Each of them gets their message once; but nobody knows of the few that were under way, which wait for a person."""
    word = f"person.{first // 100}"
    wait_for("every message to have an end", lambda: house.outcomes(word).total() == PEOPLE
             and house.outcomes(word).keys() <= {"accepted", "unknown"}, seen=lambda: f"; {house.outcomes(word)}{house.last_words()}")
    ends = house.outcomes(word)
    assert ends["unknown"] <= CONNECTIONS * 2, ends
    wait_for("what was accepted to arrive", lambda: len(house.recipients(word)) >= ends["accepted"])
    people = house.recipients(word)
    assert len(set(people)) == len(people), f"sent twice: {sorted(people)}"


@check("the journal knows errors from news and finds a day's run, shows no secret, and no whole address")
def journal(house):
    said = house.journal(None)
    # Of what the journal keeps, not only what it shows.
    kept = house.box.run("journalctl", "-q", "-u", UNIT, "-o", "export").stdout
    for secret in (mail.PASSWORD, mail.SECRET, mail.TOKEN, "Bearer "):
        assert secret not in kept, f"the journal holds {secret!r}"
    assert "p…@nhs.net" in said, said[-1500:]
    for address in ("person.1", "sam.sample2@"):
        assert address not in kept, f"the journal holds {address}"
    errors = house.journal(None, "-p", "err")
    found = house.journal(None, "LAPSEWATCH_RUN_ON=2026-11-24")
    assert "the run of 2026-11-24 begins" in found and "2026-11-25" not in found, found[-1500:]
    assert "rejected" in errors and "messages accepted" not in errors, errors[-1500:]

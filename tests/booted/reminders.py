"""From the README's settings to the first real reminder, and on to access tokens."""
import re

import mail
from box import wait_for
from checks import check
from house import PROJECT, SECRETS, STATE, TEST_DROP_IN, UNIT, readme_settings

ADMINISTRATOR = "operator@anyshire.example"
SAMPLES = PROJECT / "config/sample"
# What the README's example sends on the samples' day.
FIRST_MESSAGES = 29
FRIDAY, MONDAY = "2026-11-20T08:10:00Z", "2026-11-23T08:10:00Z"


@check("with the README's settings and the password handed over it logs in to the mail server", guards="credentials")
def takes_settings(house):
    # As update-ca-certificates would have it, which takes seconds.
    with open(house.box.path("/etc/ssl/certs/ca-certificates.crt"), "a") as trusted:
        trusted.write(house.mail.authority)
    house.configure(readme_settings())
    house.readme_command("sudo install", text=f"{mail.PASSWORD}\n")
    house.readme_command("sudo systemctl restart")
    house.wait_until_active()
    said = house.readme_command("sudo lapsewatch check")
    assert re.search(r"^ok +mail", said, re.MULTILINE) and not re.search("^(warn|error)", said, re.MULTILINE), said
    assert house.names(SECRETS) == ["lapsewatch.smtp-password"], house.names(SECRETS)


@check("`lapsewatch test-mail` reaches somebody")
def sends_a_test(house):
    house.readme_command("sudo lapsewatch test-mail")
    house.wait_for_messages(1, "you@anyshire.example")


@check("a dropped export is loaded and put away")
def loads(house):
    house.systemctl("stop", UNIT)
    # From here on it is another day for the service, and it has seen none yet.
    house.must("systemctl", "clean", "--what=state", UNIT)
    house.keep_secrets()
    house.configure(house.settings())
    house.is_now("2026-11-19T10:00:00Z")
    house.drop_in("test", TEST_DROP_IN)
    house.must("systemctl", "start", UNIT)
    mark = house.mark()
    for sample in SAMPLES.iterdir():
        if sample.name.startswith("site-contacts"):
            house.drop(sample.name, sample.read_text())
    house.wait_for_journal("was loaded: 22 rows", mark)
    assert house.names_in("archive") == ["site-contacts.csv"] and not house.names_in("inbox")


@check("the first run sends nothing, and the operator is told by mail")
def holds(house):
    for sample in SAMPLES.iterdir():
        if not sample.name.startswith("site-contacts"):
            house.drop(sample.name, sample.read_text())
    house.is_now(FRIDAY)
    mark = house.mark()
    house.restart()
    house.wait_for_messages(1, ADMINISTRATOR)
    assert len(house.recipients()) == 2, house.recipients()
    assert house.waiting().get("held") == FIRST_MESSAGES, house.waiting()
    assert "held until somebody approves" in house.journal(mark, "-p", "err")
    assert house.lapsewatch("list", "--held").returncode == 0


@check("approved and spread over days, the most urgent arrive today, over STARTTLS and with the log-in")
def approves(house):
    before = house.mail.log_ins("LOGIN")
    house.readme_command("sudo lapsewatch list --held")
    house.readme_command("sudo lapsewatch approve")
    house.wait_for_messages(1, "alex.owens1@nhs.net")
    wait_for("today's share to have left", lambda: house.waiting().get("accepted", 0) > FIRST_MESSAGES // 5)
    outbox = house.waiting()
    # The operator's message on the hold is one more.
    assert sum(outbox.get(state, 0) for state in ("accepted", "pending", "leased")) == FIRST_MESSAGES + 1, outbox
    assert house.mail.log_ins("LOGIN") > before, house.mail.log()[-2000:]
    wait_for("the end of a connection over STARTTLS", lambda: " starttls=1 auth=1 mail=" in house.mail.log())
    assert not house.names_in("quarantine"), house.names_in("quarantine")


@check("commands as root leave nothing behind that the service cannot use")
def leaves_ownership(house):
    owner = house.box.path(f"/proc/{house.process()}").stat().st_uid
    foreign = [path.name for path in house.box.path(STATE).iterdir() if path.lstat().st_uid != owner]
    assert not foreign, f"{foreign} belong to somebody else"


@check("a reload takes new settings into force: access tokens in place of the password")
def reloads(house):
    house.configure(house.settings_for_work())
    process, mark = house.process(), house.mark()
    house.reload()
    house.wait_for_journal("the new configuration is in force", mark)
    assert house.process() == process, "it was started anew"
    house.wait_until_active()


@check("a message arrives at a mail server that wants STARTTLS and XOAUTH2")
def sends_with_token(house):
    house.drop_people("2026-11-23", range(900, 903), "2026-11-02")
    house.is_now(MONDAY)
    house.restart()
    house.wait_for_messages(3, "person.90")
    assert house.mail.log_ins("XOAUTH2") >= 1, house.mail.log()[-2000:]

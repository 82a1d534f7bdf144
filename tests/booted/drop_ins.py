"""The examples of drop-ins that the package brings, each as its first lines tell."""
import contextlib
import re
import textwrap

import mail
from checks import check
from house import PROJECT, SECRETS, STATE, UNIT

EXAMPLES = PROJECT / "systemd/examples"
SHARED = "/var/spool/lapsewatch"


@check("relay-allow-list.conf: it reaches the relay that is on the list, and no other")
def keeps_to_its_list(house):
    """A peer that is not allowed looks like one that does not answer."""
    example = (EXAMPLES / "relay-allow-list.conf").read_text()
    others = re.findall(r"^IPAddressAllow=(?!localhost)(.+)$", example, re.MULTILINE)
    assert len(others) == 1, example
    house.configure(house.settings_for_work().replace("[mail.smtp]\n", "[mail.smtp]\ntimeout_secs = 2\n"))
    house.drop_people("2026-11-26", range(300, 303), "2026-11-05")
    house.is_now("2026-11-26T08:10:00Z")
    with with_drop_in(house, "relay-allow-list", example):
        mark = house.mark()
        house.restart()
        house.wait_for_journal(f"{mail.NAME}:{mail.PORT} gave no answer while connecting", mark)
        assert not house.recipients("person.30"), house.journal(mark)
    house.is_now("2026-11-26T11:10:00Z")
    with with_drop_in(house, "relay-allow-list", example.replace(others[0], mail.ADDRESS)):
        house.restart()
        house.wait_for_messages(3, "person.30")
    house.configure(house.settings_for_work())


@check("shared-inbox.conf: an export that somebody of the group drops is loaded and put away")
def shares_its_inbox(house):
    assert house.box.path(SHARED).is_dir(), f"the package has made no {SHARED}"
    house.must("useradd", "--groups", "lapsewatch-inbox", "mary")
    house.configure(house.settings_for_work().replace("[snapshots]\n", f'[snapshots]\ninbox = "{SHARED}"\n'))
    with with_drop_in(house, "shared-inbox", (EXAMPLES / "shared-inbox.conf").read_text()):
        mark = house.mark()
        house.restart()
        row = "2026-11-26,c-400,person.400@nhs.net,user,Active,2024-02-03,2026-11-25"
        # However closed she keeps her files.
        as_mary = f"umask 077; echo 'as_of,id,address,kind,status,created_at,last_activity_at\n{row}' >{SHARED}/mary.csv"
        house.must("runuser", "-u", "mary", "--", "sh", "-c", as_mary)
        house.wait_for_journal("mary.csv was loaded: 1 row", mark)
        assert not house.names(SHARED), house.names(SHARED)
        assert "mary.csv" in house.names_in("archive")
    house.must("userdel", "mary")
    house.configure(house.settings_for_work())


@check("encrypted-credentials.conf: a secret that is encrypted on the disk reaches the service")
def decrypts(house):
    house.must("install", "-d", "-m", "700", f"{SECRETS}.encrypted")
    encrypted = f"{SECRETS}.encrypted/lapsewatch.client-secret"
    house.must("systemd-creds", "encrypt", "--with-key=host", "--name=client-secret", "-", encrypted, text=f"{mail.SECRET}\n")
    example = (EXAMPLES / "encrypted-credentials.conf").read_text().replace("smtp-password", "client-secret")
    house.box.path(f"{SECRETS}/lapsewatch.client-secret").unlink()
    try:
        with with_drop_in(house, "encrypted-credentials", example):
            house.restart()
            sends(house, "2026-11-27", 500)
            house.must("lapsewatch", "status")
    finally:
        house.box.path(encrypted).unlink()
        house.must("rmdir", f"{SECRETS}.encrypted")
        house.must("rm", "-f", "/var/lib/systemd/credential.secret")
        house.keep_secrets()


@check("token-command.conf: a command of the operator's gives the access tokens")
def asks_a_command(house):
    house.box.write("/usr/local/bin/mail-token", f"#!/bin/sh\necho {mail.TOKEN}\n", 0o755)
    settings = re.sub(r"\[mail\.oauth\]\n(.+\n)*", "", house.settings_for_work())
    house.configure(settings.replace("[mail.smtp]\n", '[mail.smtp]\ntoken_command = ["/usr/local/bin/mail-token"]\n'))
    with with_drop_in(house, "token-command", (EXAMPLES / "token-command.conf").read_text()):
        house.restart()
        sends(house, "2026-11-30", 600)
    house.box.path("/usr/local/bin/mail-token").unlink()
    house.configure(house.settings_for_work())


@check("postgresql-socket.conf: the store is a database on this machine, reached by its socket and without a password")
def keeps_its_store_in_postgresql(house):
    example = (EXAMPLES / "postgresql-socket.conf").read_text()
    house.must("systemctl", "start", "postgresql")
    for command in re.findall(r"^# +sudo -u postgres (.+)$", example, re.MULTILINE):
        house.must("runuser", "-u", "postgres", "--", *command.split())
    database = textwrap.dedent(re.search(r"^# +\[database\]\n(?:#  .+\n)+", example, re.MULTILINE)[0].replace("#", ""))
    house.configure(f"{house.settings_for_work()}\n{database}")
    try:
        with with_drop_in(house, "postgresql-socket", example):
            # In a store that is new it waits for a day's run to come.
            house.is_now("2026-11-30T06:00:00Z")
            house.restart()
            sends(house, "2026-11-30", 700)
            states = house.must("runuser", "-u", "postgres", "--", "psql", "-At", "lapsewatch", "-c", "SELECT state FROM message")
            assert states.split() == ["accepted"], states
            as_its_user = re.search(r"^# +sudo (-u lapsewatch) (.+)$", example, re.MULTILINE)
            said = house.must("runuser", *as_its_user[1].split(), "--", *as_its_user[2].split())
            assert said.startswith("Working."), said
    finally:
        house.configure(house.settings_for_work())
        house.restart()
        house.must("systemctl", "stop", "postgresql")


def sends(house, day, number):
    """A warning for one person is due on that day, and arrives."""
    house.drop_people(day, [number], f"{day[:-2]}06")
    house.is_now(f"{day}T08:10:00Z")
    house.restart()
    house.wait_for_messages(1, f"person.{number}@nhs.net")


@contextlib.contextmanager
def with_drop_in(house, name, text):
    house.drop_in(name, text)
    try:
        yield
    finally:
        house.no_drop_in(name)

"""One box with the package, a mail server beside it, and what the checks do there again and again."""
import collections
import csv
import io
import json
import pathlib
import re
import textwrap
import time

from box import wait_for
from mail import CLIENT, NAME, PASSWORD, SECRET, USER

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
UNIT = "lapsewatch.service"
STATE = "/var/lib/private/lapsewatch"
SETTINGS = "/etc/lapsewatch/lapsewatch.toml"
DROP_INS = f"/etc/systemd/system/{UNIT}.d"
# Where the unit looks for secrets.
SECRETS = "/etc/credstore"

# The daemon takes another instant for now: exports, ladders and holidays are of fixed days. A pace for a test, not a
# day's; every lock of the unit stays as it is.
TEST_DROP_IN = """\
[Service]
EnvironmentFile=/run/lapsewatch-now
ExecStart=
ExecStart=/usr/bin/lapsewatch --at ${NOW} run
RestartSec=200ms
"""
PACE = "[snapshots]\nsettle_secs = 0\npoll_secs = 1\n"
PEOPLE = "as_of,id,address,kind,status,created_at,last_activity_at\n"


class House:
    """What a check is given."""

    def __init__(self, box, mail, version, package):
        self.box, self.mail, self.version, self.package = box, mail, version, package
        # The instant that the service takes for now; whose time it is when there is none.
        self.now = None
        # Every path of the box before the package came, and what `lapsewatch check` said after.
        self.before, self.said = set(), ""

    # The service

    def systemctl(self, *words, **how):
        return self.box.run("systemctl", *words, **how)

    def show(self, name, unit=UNIT):
        return self.systemctl("show", unit, "-p", name, "--value").stdout.strip()

    def must(self, *words, **how):
        """Runs a command in the box that has to succeed, and returns what it says. When it does not, no check is judged."""
        done = self.box.run(*words, **how)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, words))}: exit code {done.returncode}: {done.stdout.strip()}")
        return done.stdout

    def process(self):
        return int(self.show("MainPID"))

    def restart(self):
        """Starts it anew; a test does so more often than the unit allows."""
        self.systemctl("reset-failed", UNIT)
        done = self.systemctl("restart", UNIT)
        assert done.returncode == 0, f"{done.stdout}{self.last_words()}"

    def reload(self):
        done = self.systemctl("reload", UNIT)
        assert done.returncode == 0, f"{done.stdout}{self.last_words()}"

    def signal(self, name):
        """Sends the daemon a signal, and nobody else."""
        self.must("kill", f"-{name}", self.process())

    def wait_until_active(self, seconds=60):
        wait_for("the service to be active", lambda: self.show("ActiveState") == "active", seconds, self.last_words)

    def last_words(self):
        said = self.box.run("journalctl", "-u", UNIT, "-n", "12", "-o", "cat").stdout
        return f"; systemd: {self.show('ActiveState')}, {self.show('Result')}, exit code {self.show('ExecMainStatus')}; " \
               f"the journal: {said}"

    def mark(self):
        """An instant to read the journal on from. A cursor, with a filter beside it, passes an entry over in 252."""
        return f"@{time.time():.6f}"

    def journal(self, since=None, *more):
        place = [f"--since={since}"] if since else []
        return self.box.run("journalctl", "-q", "-u", UNIT, "-o", "cat", *place, *more).stdout

    def wait_for_journal(self, words, since, seconds=60):
        wait_for(f"the journal to say {words!r}", lambda: words in self.journal(since), seconds,
                 lambda: f"; it says: {self.journal(since)[-1500:]}")

    # Settings

    def configure(self, text):
        """Replaces the settings; takes nothing into force."""
        self.box.write(SETTINGS, text)

    def settings(self, *, log_in="login", more=""):
        """An operator's settings: those that the README begins with, at a test's pace."""
        text = readme_settings().replace('auth = "login"', f'auth = "{log_in}"')
        if log_in == "xoauth2":
            text = re.sub(r"^password.*\n", "", text, flags=re.MULTILINE)
            text += (f'\n[mail.oauth]\ntoken_url = "{self.mail.token_url}"\nclient_id = "{CLIENT}"\n'
                     'client_secret_file = "credential:client-secret"\nscope = "smtp"\n')
        return f"{text}\n{PACE}{textwrap.dedent(more)}"

    def readme_command(self, beginning, **how):
        """Runs a command of the README, which it has to have, in the box; at the service's time if it is ours."""
        command = readme_command(beginning)
        if self.now:
            command = command.replace("lapsewatch ", f"lapsewatch --at {self.now} ", 1)
        done = self.box.run("sh", "-c", command, **how)
        assert done.returncode == 0, f"{command}: exit code {done.returncode}: {done.stdout.strip()}"
        return done.stdout

    def keep_secrets(self):
        """Puts the secrets where the unit looks for them."""
        self.must("install", "-d", "-m", "700", SECRETS)
        self.box.write(f"{SECRETS}/lapsewatch.smtp-password", f"{PASSWORD}\n", 0o600)
        self.box.write(f"{SECRETS}/lapsewatch.client-secret", f"{SECRET}\n", 0o600)

    def drop_in(self, name, text):
        self.box.write(f"{DROP_INS}/{name}.conf", text)
        self.must("systemctl", "daemon-reload")

    def no_drop_in(self, name):
        self.box.path(f"{DROP_INS}/{name}.conf").unlink()
        self.must("systemctl", "daemon-reload")

    def is_now(self, instant):
        """The instant that the service takes for now when it starts the next time."""
        self.now = instant
        self.box.write("/run/lapsewatch-now", f"NOW={instant}\n")

    def lapsewatch(self, *words):
        """Runs a command beside the service, as root, at the service's time."""
        at = ["--at", self.now] if self.now else []
        return self.box.run("lapsewatch", *at, *words)

    # Exports and messages

    def drop(self, name, text):
        """Drops an export, as an operator does: it is in the inbox at once."""
        part = self.box.path(f"{STATE}/inbox/.{name}.part")
        part.write_text(text)
        part.chmod(0o644)
        part.rename(self.box.path(f"{STATE}/inbox/{name}"))

    def settings_for_work(self):
        """Settings for day after day: access tokens, and nothing that holds a small site back."""
        return self.settings(log_in="xoauth2", more="[breaker]\nenabled = false\n[adoption]\nhold = false\n")

    def drop_people(self, as_of, numbers, active_on):
        """An export of people, of whom each alone is told when it is three weeks since `active_on`."""
        rows = (f"{as_of},c-{one},person.{one}@nhs.net,user,Active,2024-02-03,{active_on}\n" for one in numbers)
        self.drop(f"{as_of} people.csv", PEOPLE + "".join(rows))

    def names_in(self, folder):
        return sorted(file.name for file in self.box.path(f"{STATE}/{folder}").glob("[!.]*"))

    def names(self, folder):
        return sorted(file.name for file in self.box.path(folder).iterdir())

    def recipients(self, word=""):
        """Whom a message has reached, once for each message."""
        return [str(message["To"]) for message in self.mail.arrived() if word in str(message["To"])]

    def wait_for_messages(self, count, word="", seconds=60):
        wait_for(f"{count} messages to {word or 'anybody'}", lambda: len(self.recipients(word)) >= count, seconds,
                 lambda: f"; {len(self.recipients(word))} are there{self.last_words()}")

    def told_of_failures(self):
        """The messages that tell the operator that the service has failed."""
        return [message for message in self.mail.arrived() if "has stopped" in str(message["Subject"])]

    def outcomes(self, word):
        """How many notices to such recipients ended how."""
        return collections.Counter(notice["state"] for notice in self.ledger() if word in notice["recipient"])

    def ledger(self):
        """Every notice that anybody was to be told of."""
        return list(csv.DictReader(io.StringIO(self.lapsewatch("audit", "export").stdout)))

    def lost_sight_of(self, reference):
        """Whether a message of that reference was under way when the daemon was killed or stopped."""
        said = self.journal(None, f"LAPSEWATCH_MESSAGE_REFERENCE={reference}")
        return "was cut off" in said or ": unknown" in said

    def waiting(self):
        """How many messages stand where."""
        return json.loads(self.lapsewatch("--format", "json", "status").stdout.splitlines()[0])["outbox"]


def readme():
    """The README's section on the service, from the installation to the first reminder."""
    text = (PROJECT / "README.md").read_text()
    return re.search(r"^## Install it as a service\n(.*?)^##", text, re.MULTILINE | re.DOTALL)[1]


def readme_settings():
    """The settings that the README tells an operator to fill in, word by word."""
    block = re.search(r"^ *```toml\n( *\[operator\]\n.*?)^ *```", readme(), re.MULTILINE | re.DOTALL)
    settings = textwrap.dedent(block[1])
    assert NAME in settings and USER in settings, f"the README's settings are of another mail server: {settings}"
    return settings


def readme_command(beginning):
    """The command that begins so, word by word: a line of a block, or between backquotes."""
    section = readme()
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", section, re.MULTILINE | re.DOTALL)
    lines = [line.partition(" # ")[0].strip() for block in blocks for line in block.splitlines()]
    inline = [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", section)]
    found = [command for command in (*lines, *inline) if command.startswith(beginning)]
    assert found, f"the README has no command that begins with {beginning!r}"
    return found[0]

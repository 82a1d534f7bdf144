"""The first hour: the package is installed, nothing is filled in yet, and nothing can go wrong."""
import re

from checks import check
from house import HERE, SETTINGS, STATE, UNIT

# Where files come and go without a package: caches, logs, the package manager's own notes, the manager's.
PASSING = re.compile(r"/(dev|proc|sys|run|tmp|root|var/(cache|log|tmp|lib/(dpkg|apt|systemd|pam|ucf)))(/|$)")


@check("the README's first command installs it, without a warning", prepares=True)
def installs(house):
    house.before = files(house)
    # Who is root needs no leave, and nobody is there to say yes.
    house.box.write("/usr/local/bin/sudo", '#!/bin/sh\nexec "$@"\n', 0o755)
    house.box.write("/etc/apt/apt.conf.d/90unattended", 'APT::Get::Assume-Yes "true";\nAPT::Install-Recommends "false";\n')
    house.box.path("/target/package").mkdir(parents=True)
    house.box.path("/target/package/lapsewatch.deb").write_bytes(house.package.read_bytes())
    said = house.readme_command("sudo apt install", timeout=120)
    for word in ("arning", "ailed", "rror"):
        assert word not in said.replace("apt does not have a stable CLI interface", ""), f"the installation says {word!r}: {said}"


@check("the service is enabled, runs, and is ready", guards="readiness")
def runs(house):
    house.wait_until_active()
    assert house.show("UnitFileState") == "enabled", house.show("UnitFileState")
    assert (house.show("SubState"), house.show("NRestarts")) == ("running", "0"), house.last_words()
    wanted = "notify-reload" if int(house.version) >= 253 else "notify"
    assert house.show("Type") == wanted, f"Type={house.show('Type')}, so nobody knows when it is ready"
    assert house.box.run("systemctl", "is-system-running").stdout.strip() == "running"


@check("`systemctl status` says in one line how things stand, and below it what is still to fill in")
def status(house):
    said = house.systemctl("status", UNIT).stdout
    line = re.search(r'Status: "(.+)"', said)
    assert line, f"there is no status: {said}"
    for word in ("next run", "waiting"):
        assert word in line[1], f"the status has no {word!r}: {line[1]}"
    for setting in ("operator.org", "mail.from", "mail.operator"):
        assert f"`{setting}` is still" in said, said


@check("`lapsewatch check` says what is still to fill in, and where")
def check_says(house):
    house.said = house.readme_command("sudo lapsewatch check")
    words = " ".join(house.said.split())
    assert re.search(re.escape(SETTINGS) + r":\d+:\d+", words) and "operator" in words, house.said


@check("nobody can be mailed before it is configured: files, and the first messages held")
def is_safe(house):
    assert "files in" in house.said, house.said
    settings = house.box.path(SETTINGS).read_text()
    assert not re.search(r"^hold *= *false", settings, re.MULTILINE), settings


@check("`systemd-analyze verify` has nothing to say")
def verifies(house):
    done = house.box.run("systemd-analyze", "verify", "--man=no", UNIT)
    # 252 says of the two lines that are meant for later versions that it passes them over.
    later = re.compile("ignoring: notify-reload$|Unknown key 'RestartMode' in section")
    said = [line for line in done.stdout.splitlines() if not later.search(line)]
    assert (done.returncode, said) == (0, []), done.stdout


@check("`systemd-analyze security` finds it exposed by at most 1.1")
def is_locked(house):
    done = house.box.run("systemd-analyze", "security", "--threshold=11", UNIT)
    level = re.search(r"exposure level for .*?: ([\d.]+)", done.stdout)
    assert done.returncode == 0 and level, f"{level and level[0]}"


@check("it runs as a user of its own, and its data are closed to everybody else", guards="user")
def has_its_own_user(house):
    assert house.box.path(STATE).is_dir(), "its data are not where the manager keeps those of a user that comes and goes"
    state = house.box.path(STATE).stat()
    assert state.st_mode & 0o077 == 0, f"{STATE} has the mode {state.st_mode:o}"
    store = house.box.path(f"{STATE}/lapsewatch.db").stat()
    assert store.st_mode & 0o077 == 0, f"the store has the mode {store.st_mode:o}"
    about = dict(line.split(":\t", 1) for line in house.box.path(f"/proc/{house.process()}/status").read_text().splitlines()
                 if ":\t" in line)
    assert about["Uid"].split()[0] not in ("0", "65534"), f"it runs as {about['Uid']}"
    assert int(about["CapBnd"], 16) == 0 and about["NoNewPrivs"] == "1" and about["Seccomp"] == "2", about


@check("its sandbox denies what its work does not need", guards="sandbox")
def sandbox(house):
    """The unit once more, with its drop-ins, and with a program in the daemon's place that tries."""
    box = house.box
    box.path("/usr/local/bin/probe.pl").write_text((HERE / "probe.pl").read_text())
    unit = box.path(house.show("FragmentPath")).read_text()
    box.write("/run/systemd/system/lapsewatch-probe.service", unit)
    for place in house.show("DropInPaths").split():
        name = place.rpartition("/")[2]
        box.write(f"/run/systemd/system/lapsewatch-probe.service.d/{name}", box.path(place).read_text())
    box.write("/run/systemd/system/lapsewatch-probe.service.d/zzz-probe.conf", PROBE)
    house.must("systemctl", "daemon-reload")
    box.run("systemctl", "start", "lapsewatch-probe.service")
    said = box.run("journalctl", "-q", "-u", "lapsewatch-probe", "-o", "cat", "_COMM=perl").stdout
    answers = dict(line.rsplit(": ", 1) for line in said.splitlines() if line.endswith((": denied", ": allowed")))
    if len(answers) < 20:
        # Of no unit does that say anything.
        raise RuntimeError(f"the probe did not work: {box.run('journalctl', '-u', 'lapsewatch-probe', '-o', 'cat').stdout}")
    allowed = [name for name, answer in answers.items() if answer == "allowed"]
    assert not allowed, f"allowed: {', '.join(allowed)}"


@check("it listens on no port")
def listens_on_none(house):
    sockets = house.box.run("ss", "-Hlntup").stdout
    assert f"pid={house.process()}," not in sockets, sockets


PROBE = """\
[Unit]
OnFailure=
[Service]
Type=oneshot
ExecStart=
ExecStart=/usr/bin/perl /usr/local/bin/probe.pl
ExecReload=
ExecPaths=/usr/bin/perl
Restart=no
WatchdogSec=0
"""


def files(house):
    """Every path of the box that a package could leave behind."""
    found = house.must("find", "/", "-xdev", "-printf", "%p %y %m %u %g\\n").splitlines()
    return {line for line in found if not PASSING.match(line)}

"""The package comes in a newer version, goes, comes back, and goes for good."""
import collections
import re
import subprocess

from checks import check
from first_hour import files
from house import SECRETS, SETTINGS, STATE, UNIT

APT = ("apt-get", "-q")
NEWER = "/root/newer.deb"
# What the checks themselves put into the box, and what the tools that make users keep of the time before.
OURS = re.compile("/etc/(hosts|ssl/certs/ca-certificates.crt|apt/apt.conf.d/90unattended|((g?shadow|passwd|group|sub[gu]id)-))|/usr/local/bin/(sudo|probe.pl)|/target|/var/lib/postgresql/")


@check("an upgrade keeps edited settings, data and secrets, and starts the new program")
def upgrades(house):
    house.box.path(NEWER).write_bytes(newer(house).read_bytes())
    settings, secrets = house.box.path(SETTINGS).read_text(), house.names(SECRETS)
    process, messages, outbox = house.process(), len(house.recipients()), house.waiting()
    house.must(*APT, "-o", "Dpkg::Options::=--force-confold", "install", NEWER, timeout=120)
    house.wait_until_active()
    assert house.process() != process, "the old program goes on"
    assert house.box.path(SETTINGS).read_text() == settings, "the settings were replaced"
    assert house.names(SECRETS) == secrets
    assert (house.waiting(), len(house.recipients())) == (outbox, messages), house.waiting()


@check("removed, it is stopped and its settings and data stay; installed again, it goes on with them")
def comes_again(house):
    outbox = house.waiting()
    house.must(*APT, "remove", "lapsewatch", timeout=120)
    assert house.show("ActiveState") == "inactive", house.show("ActiveState")
    assert house.box.path(f"{STATE}/lapsewatch.db").is_file() and house.box.path(SETTINGS).is_file()
    house.must(*APT, "install", NEWER, timeout=120)
    house.wait_until_active()
    assert house.waiting() == outbox, house.waiting()


@check("in all this nothing was sent twice, but for a last reminder of which nobody knew whether it had arrived")
def sent_once(house):
    arrived = collections.Counter(message["Message-ID"].strip("<>") for message in house.mail.arrived())
    may_come_again = {notice["message_id"] for notice in house.ledger()
                      if notice["stage"] == "final" and house.lost_sight_of(notice["reference"])}
    again = [f"{count} times {identity}" for identity, count in arrived.items() if count > 1 and identity not in may_come_again]
    assert arrived.total() > 100 and not again, "\n".join([f"{arrived.total()} messages arrived", *again])


@check("a purge leaves nothing")
def purges(house):
    house.must(*APT, "purge", "lapsewatch", timeout=120)
    assert not house.systemctl("cat", UNIT).stdout.count("ExecStart"), "the unit is still there"
    left = sorted(line for line in files(house) - house.before if not OURS.match(line))
    assert not left, "\n".join(left)


def newer(house):
    """The package as its next version would be, with a line more in the settings that it brings."""
    folder = house.box.folder / "newer"
    subprocess.run(["dpkg-deb", "-R", house.package, folder], check=True)
    control = folder / "DEBIAN/control"
    lines = control.read_text().splitlines()
    control.write_text("\n".join(f"{line}+1" if line.startswith("Version:") else line for line in lines) + "\n")
    with open(folder / SETTINGS[1:], "a") as settings:
        settings.write("\n# A newer version says more.\n")
    made = house.box.folder / "newer.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "-b", folder, made], check=True, stdout=subprocess.DEVNULL)
    return made

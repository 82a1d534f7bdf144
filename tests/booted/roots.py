"""The root file systems that the boxes boot: Debian's own, made once by mmdebstrap and kept.

They come from the mirror that this machine's apt uses, with the trust and the proxies that it is given: nothing here
names a host. What is made has a name that says what of (release, packages), and has it only once it is complete.
"""
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

# Debian's releases, and the systemd that each has.
RELEASES = {"bookworm": "252", "trixie": "257"}

# What a small server has: the service manager, its bus, its users, and what a person looks at things with.
PACKAGES = ("systemd", "systemd-sysv", "dbus", "libpam-systemd", "libnss-systemd", "iproute2", "procps", "ca-certificates",
            "postgresql")
# A database server that is not asked for costs every boot seconds.
HOOK = 'chroot "$1" systemctl disable postgresql.service'

# What of this machine's way to a mirror must hold for the new system's apt too.
CARRIED = re.compile(r"Acquire::(https?|Proxy|Retries|ForceIPv[46]|Check-|Allow)", re.IGNORECASE)
ENTRY_KEYS = {"signed-by": "Signed-By", "trusted": "Trusted", "allow-insecure": "Allow-Insecure",
              "check-valid-until": "Check-Valid-Until", "check-date": "Check-Date"}


class NoRoots(Exception):
    """Why there are no root file systems here."""


def root(release, folder, packages=()):
    """The folder of a root file system with `packages` beside the usual ones; made when it is not there."""
    packages = (*PACKAGES, *packages)
    recipe = hashlib.sha256(" ".join((*packages, HOOK)).encode()).hexdigest()[:8]
    place = folder / f"{release}-{recipe}"
    folder.mkdir(parents=True, exist_ok=True)
    # Another run may be at it.
    with open(folder / f"{place.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            unpack(archive(release, packages, place), place)
    return place


def archive(release, packages, place):
    """The root file system as an archive: made under another name, so that half of one is never taken for it."""
    tar = place.with_name(f"{place.name}.tar")
    if not tar.is_file():
        print(f"making the root file system of {release}: this takes a minute or two, once", flush=True)
        part = place.with_name(f"{place.name}.part.tar")
        words = ["mmdebstrap", "--variant=minbase", f"--include={','.join(packages)}", f"--customize-hook={HOOK}",
                 *carried_options(), release, part, "-"]
        made = subprocess.run(words, input=stanza(release), text=True, capture_output=True)
        if made.returncode:
            part.unlink(missing_ok=True)
            raise NoRoots(f"mmdebstrap cannot make {release}: {made.stderr.strip()[-2000:]}")
        part.rename(tar)
    return tar


def unpack(tar, place):
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    unpacked = subprocess.run(["tar", "-C", part, "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xpf", tar],
                              text=True, capture_output=True)
    if unpacked.returncode:
        # A damaged archive is made anew the next time.
        shutil.rmtree(part)
        tar.unlink()
        raise NoRoots(f"{tar} is damaged and was removed, run this again: {unpacked.stderr.strip()[-2000:]}")
    part.rename(place)


def stanza(release):
    """Where a release comes from, as an entry of apt's sources: this machine's own, with another release."""
    for refresh in (False, True):
        if refresh:
            subprocess.run(["apt-get", "update", "-qq"], capture_output=True)
        for uri, place in debian_targets():
            return "\n".join([f"Types: deb\nURIs: {uri}\nSuites: {release}\nComponents: main", *trust(place), ""])
    raise NoRoots("apt's sources here name no mirror of Debian")


def debian_targets():
    """The mirrors of Debian itself that apt knows, each with the place in its sources."""
    form = "$(CREATED_BY)|$(LABEL)|$(COMPONENT)|$(REPO_URI)|$(SOURCESENTRY)"
    listed = subprocess.run(["apt-get", "indextargets", "--format", form], text=True, capture_output=True)
    rows = [line.split("|") for line in listed.stdout.splitlines()]
    return [(uri, place) for made_by, label, part, uri, place in rows if (made_by, label, part) == ("Packages", "Debian", "main")]


def trust(place):
    """The lines of an entry of apt's sources, FILE:NUMBER, that say how its signatures are checked."""
    name, _, number = place.rpartition(":")
    text, number = pathlib.Path(name).read_text(), int(number)
    if not name.endswith(".sources"):
        options = re.search(r"\[(.*?)\]", text.splitlines()[number - 1])
        pairs = (option.split("=", 1) for option in (options[1].split() if options else ()))
        return [f"{ENTRY_KEYS[key.lower()]}: {value}" for key, value in pairs if key.lower() in ENTRY_KEYS]
    stanzas = [one for one in re.split(r"\n\s*\n", re.sub(r"^#.*\n", "", text, flags=re.M)) if one.strip()]
    # A value may go on in the lines below, such as a key in its own words.
    keys = "|".join(ENTRY_KEYS)
    return [found[0].rstrip() for found in re.finditer(rf"^(?:{keys}):.*(?:\n[ \t].*)*", stanzas[number - 1], re.M | re.I)]


def carried_options():
    dump = subprocess.run(["apt-config", "dump"], text=True, capture_output=True).stdout
    lines = [line for line in dump.splitlines() if CARRIED.match(line) and not line.endswith(' "";')]
    return [f"--aptopt={line}" for line in lines]

"""A box: a real systemd as process 1 of namespaces of its own, over a layer of memory that is thrown away.

Needs root and a cgroup2 tree that can be written to. Nothing of the machine is changed but one folder of that tree and
one folder for temporary files, both with the same name, which says whose they are: a runner that was killed leaves them
to the next.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PREFIX = "lapsewatch-booted"
NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/root",
               "SYSTEMD_PAGER=", "SYSTEMD_COLORS=0", "DEBIAN_FRONTEND=noninteractive")
# Starts a program in a cgroup, to be ended when its parent is.
IN_GROUP = 'echo $$ >"$1/cgroup.procs" && shift && exec setpriv --pdeathsig KILL "$@"'


class NoBox(Exception):
    """Why no box can be booted here."""


class Box(contextlib.AbstractContextManager):
    """Boots on entering, and is gone after leaving, whatever happened between."""

    def __init__(self, root, title):
        clear_away_the_dead()
        name = f"{PREFIX}.{title}.{os.getpid()}.{began(os.getpid())}"
        self.root, self.title = pathlib.Path(root), title
        self.folder = pathlib.Path(tempfile.gettempdir()) / name
        self.group = cgroups() / name
        self.unshare = self.process = None

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.run("systemctl", "poweroff", timeout=20)
                self.unshare.wait(20)
        clear_away(self.group, self.folder)
        if self.unshare:
            self.unshare.wait(10)

    def boot(self):
        for folder in (self.folder, self.folder / "box", self.group, self.group / "box", self.group / "beside"):
            folder.mkdir(mode=0o755)
        with open(self.folder / "boot.log", "wb") as log:
            self.unshare = subprocess.Popen(
                ["sh", "-c", IN_GROUP, "sh", self.group / "box", "unshare", *NAMESPACES, "--fork", "--kill-child",
                 "--propagation", "private", "--", HERE / "boot", self.root, self.title, self.folder / "box"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for("systemd to begin", self.find_systemd, 60, self.boot_log)
        booted = self.run("systemctl", "is-system-running", "--wait")
        if booted.stdout.strip() != "running":
            failed = self.run("systemctl", "--failed", "--no-legend").stdout
            raise NoBox(f"systemd says {booted.stdout.strip()!r} after booting: {failed}{self.boot_log()}")

    def find_systemd(self):
        if self.unshare.poll() is not None:
            raise NoBox(f"no box can be booted here: {self.boot_log()}")
        for child in pathlib.Path(f"/proc/{self.unshare.pid}/task/{self.unshare.pid}/children").read_text().split():
            with contextlib.suppress(OSError):
                # Before it is systemd, its root is still the machine's.
                if pathlib.Path(f"/proc/{child}/comm").read_text() == "systemd\n" and self.is_listening(child):
                    self.process = int(child)
        return self.process is not None

    @staticmethod
    def is_listening(child):
        return pathlib.Path(f"/proc/{child}/root/run/systemd/private").is_socket()

    def boot_log(self):
        return (self.folder / "boot.log").read_text().strip()[-2000:]

    def path(self, path):
        """A file of the box, as this machine sees it."""
        return pathlib.Path(f"/proc/{self.process}/root{path}")

    def run(self, *words, timeout=180, text=None):
        """Runs a command in the box, as root, and returns when it has ended."""
        inside = ["nsenter", "-t", str(self.process), "-a", "--", "env", "-i", *ENVIRONMENT, *map(str, words)]
        stdin = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout, **stdin)

    def beside(self, *words, **how):
        """Starts a program of this machine's that shares only the network with the box; it ends with the box."""
        # Neither the parent's end nor that of a thread ends what a script leaves running: the group does.
        words = ["sh", "-c", 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"', "sh", self.group / "beside", "nsenter",
                 "-t", str(self.process), "-n", "--", *words]
        return subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, **how)

    def write(self, path, text, mode=0o644):
        place = self.path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch(mode=0o600)
        place.write_text(text)
        place.chmod(mode)


def wait_for(what, is_so, seconds=60, seen=lambda: ""):
    """Waits until `is_so()` is true, and returns what it gave."""
    until = time.monotonic() + seconds
    while not (answer := is_so()):
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds} s in vain for {what} {seen()}".rstrip())
        time.sleep(0.1)
    return answer


def cgroups():
    """Where the cgroup2 tree is mounted."""
    for line in pathlib.Path("/proc/self/mounts").read_text().splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2" and "rw" in options.split(","):
            return pathlib.Path(place)
    raise NoBox("there is no cgroup2 tree that can be written to")


def began(process):
    """When a process began, in the kernel's ticks: with its number, what tells it from every other."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def clear_away_the_dead():
    """Ends and removes what runners left that are no more."""
    for group in cgroups().glob(f"{PREFIX}.*"):
        process, ticks = group.name.split(".")[-2:]
        if began(process) != ticks:
            clear_away(group, pathlib.Path(tempfile.gettempdir()) / group.name)


def clear_away(group, folder):
    """Ends every process of a cgroup, by its number, and removes the group and the folder."""
    for _ in range(200):
        for process in (int(line) for file in group.rglob("cgroup.procs") for line in read_lines(file)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        for below in sorted((one for one in group.rglob("*") if one.is_dir()), reverse=True):
            with contextlib.suppress(OSError):
                below.rmdir()
        with contextlib.suppress(OSError):
            if group.exists():
                group.rmdir()
        if not group.exists():
            break
        time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def read_lines(file):
    try:
        return file.read_text().split()
    except OSError:
        return []

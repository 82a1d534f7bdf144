#!/usr/bin/env python3
"""Invents a Portal mailbox report of any size, the one of the next day, and one of half the size.

    benches/portal_report.py USERS FOLDER [IDLE]

The first is of Monday, the second of Tuesday: in it 2 % of the rows say something new (a newer log-in, some a new
status), and every row is stamped anew and counts one day less to its removal, as the Portal does. The third, in
FOLDER/half, is Tuesday's without every second account and mailbox of which nothing is due. Five users share a site
and its mailbox. IDLE in a hundred (20) stopped logging in, each at a time of their own, but so that on Wednesday nobody
reaches a stage: that day nothing new is due. All people, sites and addresses are invented; the same numbers give the
same bytes. Standard library only.
"""
import datetime as dt
import pathlib
import random
import sys

MONDAY, TUESDAY = dt.date(2026, 11, 16), dt.date(2026, 11, 17)
HEADER = """Id,Title,FirstName,LastName,DisplayName,MailboxType,MailboxLocation,User Policy Name,Status,EmailAddress,Telephone,
Mobile,Pager,Fax,Department,JobTitle,Notes,Mailbox Size (GB),CreatedOn,LastUpdated,LastLogIn,UpdatedBy,UserPrincipalName,
ODS Code,OrganisationName,OrganisationUnitName,Name of the Parent Organisation,ExternalSyncId,AUPStatus,MarkAsLeaverDate,
SiteName,Role,WorkArea,ClinicalSpeciality,DaysUntilRemoval,AccountType,HideFromAddressList,User Mailbox Usage (Bytes),
User Mailbox Usage (GB),User Dumpster Usage (Bytes),User Dumpster Usage (GB),MSLiveEventsEnabled""".replace("\n", "")
GIVEN = "Alma Bram Cleo Dara Edda Finn Greta Hedy Ivo Juno Kaja Lars Mira Nils Orla Per Runa Siv Tove Ulla Zoë Åsa".split()
FAMILY = "Ashdown Birch Clough Dale Elmham Frost Garth Holm Inch Jarrow Kirk Lund Moss Nairn Orme O'Shea Brontë".split()
PLAIN = str.maketrans({"ë": "e", "å": "a", "'": ""})
TOWN = "Northtown Eastham Southbury Westley Midford Overton Netherby Lowick".split()
SECTOR = [("OPTOMETRY", "TP", "OPTICIANS"), ("PHARMACY", "F", "PHARMACY"), ("DENTAL", "V0", "DENTAL CARE"),
          ("CARE", "VL", "CARE HOME"), ("DAC", "FD", "APPLIANCES")]
# The days since the last log-in, the creation, the marking or the deletion on which a rule has something to say.
STAGES = {0, 7, 14, 21, 23, 28, 30, 31, 45, 53, 57, 60, 61, 75, 83, 88}
QUIET = [days for days in range(1, 1500) if days + 1 not in STAGES]
SHORT, IDLE, FRESH, MARKED = ([days for days in QUIET if days < most] for most in (20, 76, 120, 32))
NUDGED, INACTIVE, REMOVED = 21, 30, 60
# Of the users; five rows in six are theirs.
CHANGED = 0.024
# By how many days lie between it and Tuesday.
DATE = [(TUESDAY - dt.timedelta(days=days)).strftime("%d/%m/%Y ") for days in range(1500)]


def main():
    users, folder, idle = int(sys.argv[1]), pathlib.Path(sys.argv[2]), float((sys.argv + ["20"])[3])
    (folder / "half").mkdir(parents=True, exist_ok=True)
    names = [f"{MONDAY} Mailbox Report.csv", f"{TUESDAY} Mailbox Report.csv", f"half/{TUESDAY} Mailbox Report.csv"]
    files = [open(folder / f"{name}.part", "w", newline="", encoding="utf-8-sig") for name in names]
    header = ",".join(f'"{name}"' for name in HEADER.split(",")) + "\r\n"
    for file in files:
        file.write(header)
    for monday, tuesday, is_due, number in rows(random.Random(users), users, idle / 100):
        files[0].write(monday)
        files[1].write(tuesday)
        if is_due or number % 2:
            files[2].write(tuesday)
    for file, name in zip(files, names):
        file.close()
        (folder / f"{name}.part").rename(folder / name)


def rows(rnd, users, idle):
    """Each row as Monday and as Tuesday tell it, whether something is due of it, and its number."""
    sites = [Site(rnd, number) for number in range(max(1, users // 5))]
    for number in range(users):
        yield *user(rnd, number, sites[min(number // 5, len(sites) - 1)], idle), number
    for number, site in enumerate(sites):
        yield *site.mailbox(rnd), number


class Site:
    def __init__(self, rnd, number):
        self.sector, prefix, word = SECTOR[number % len(SECTOR)]
        self.ods, self.town = f"{prefix}{number:05X}", rnd.choice(TOWN)
        self.name = f"{self.town.upper()} {word}"

    def mailbox(self, rnd):
        address, created, opened = f"{self.sector}.{self.ods}@nhs.net".lower(), rnd.choice(QUIET), rnd.choice(IDLE)
        head = (f'"{some_id(rnd)}","","","","{self.sector}, {self.ods} ({self.name}, {self.town})","Shared",'
                f'"Exchange Online","","Active","{address}","","","","","","","","1","{DATE[created]}{hour(rnd)}","')
        tail = (f'","{DATE[opened]}00:00","BackgroundTasks","{address}","{self.ods}","{self.name}","{self.name}","","",'
                '"False","","","","","","","","False","0","0","0","0","False"\r\n')
        return *(f"{head}{DATE[ago]}{hour(rnd)}{tail}" for ago in (1, 0)), False


class User:
    """What both days tell of an account."""

    def __init__(self, rnd, number, site):
        self.id, self.given, self.family, self.site = some_id(rnd), rnd.choice(GIVEN), rnd.choice(FAMILY), site
        self.address = f"{self.given}.{self.family}{number}@nhs.net".lower().translate(PLAIN)
        self.mobile = rnd.choice(("Hidden", "Hidden", "Hidden", "", "", "", "", f"07700 900{number % 1000:03}"))
        self.created, self.created_at = rnd.choice(QUIET[100:]), hour(rnd)
        # Most of the Portal's log-ins carry a date only, printed as midnight.
        self.used_at = "00:00" if rnd.random() < 0.83 else hour(rnd)
        self.seen, self.marked, self.status, self.kind = rnd.randrange(1, 8), None, None, ""

    def live(self, rnd, idle):
        """Gives the account a habit."""
        habit, detail = rnd.random(), rnd.random()
        if habit < idle:
            self.seen = rnd.choice(IDLE)
            if detail < 0.1:
                self.marked = rnd.choice(MARKED)
            elif detail < 0.125:
                self.status = "Disabled"
            elif detail < 0.15:
                self.kind = "ApplicationAccount"
        elif habit < idle + 0.08:
            self.created = rnd.choice(FRESH)
            self.seen = None if detail < 1.5 * idle else min(self.seen, self.created)
        elif habit < idle + 0.08 + 0.075 * idle:
            self.seen = None

    def news(self, rnd):
        """Tuesday knows more than Monday did."""
        if self.seen is not None and rnd.random() < 0.1:
            self.marked, self.status = 1, None
        else:
            self.seen = 1

    def is_due(self):
        return self.seen is None or self.seen >= NUDGED or self.marked is not None

    def row(self, ago, updated_at):
        idle = (self.created if self.seen is None else self.seen) - ago
        word = "Deleted" if idle >= REMOVED else "Inactive" if idle >= INACTIVE else "Active"
        status = self.status or ("Active (Leaver)" if self.marked is not None else word)
        seen = "" if self.seen is None else DATE[self.seen] + self.used_at
        marked = "" if self.marked is None else DATE[self.marked] + self.created_at
        name, site = f"{self.family.upper()}, {self.given} ({self.site.name})", self.site
        return (f'"{self.id}","","{self.given}","{self.family}","{name}","User","Exchange Online","","{status}",'
                f'"{self.address}","","{self.mobile}","","","","","","1","{DATE[self.created]}{self.created_at}",'
                f'"{DATE[ago]}{updated_at}","{seen}","BackgroundTasks","{self.address}","{site.ods}","{site.name}",'
                f'"{site.name}","","","{self.seen is not None}","{marked}","","","","","{REMOVED - idle}",'
                f'"{self.kind}","False","0","0","0","0","False"\r\n')


def user(rnd, number, site, idle):
    account = User(rnd, number, site)
    is_changed = rnd.random() < CHANGED
    if is_changed:
        account.seen = rnd.choice(SHORT[1:])
    else:
        account.live(rnd, idle)
    monday = account.row(1, hour(rnd))
    if is_changed:
        account.news(rnd)
    return monday, account.row(0, hour(rnd)), account.is_due()


def some_id(rnd):
    digits = f"{rnd.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def hour(rnd):
    minutes = int(rnd.random() * 840)
    return f"{7 + minutes // 60:02}:{minutes % 60:02}"


main()

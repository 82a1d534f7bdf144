#!/usr/bin/env python3
"""Invent a local committee's exports, with as many awkward cases as will fit.

    make_exports.py --out DIR [--seed 1] [--sites 20] [--as-of 2026-11-20] [--days 90]

For --days days that end at --as-of: `DATE Mailbox Report.csv` (Portal; some days have none), and about weekly `DATE passwords.json` (Graph
users) and `DATE sends.csv` (message trace), a few `DATE canonical.csv`, and `site-contacts.csv`; by some seeds also a later, dated
`DATE site-contacts.csv`. Every person, site and address is invented. The same arguments give the same bytes. Standard library only.
"""
import argparse
import csv
import datetime as dt
import json
import pathlib
import random
import uuid

PORTAL = """Id,Title,FirstName,LastName,DisplayName,MailboxType,MailboxLocation,User Policy Name,Status,EmailAddress,Telephone,Mobile,Pager,Fax,
Department,JobTitle,Notes,Mailbox Size (GB),CreatedOn,LastUpdated,LastLogIn,UpdatedBy,UserPrincipalName,ODS Code,OrganisationName,
OrganisationUnitName,Name of the Parent Organisation,ExternalSyncId,AUPStatus,MarkAsLeaverDate,SiteName,Role,WorkArea,ClinicalSpeciality,
DaysUntilRemoval,AccountType,HideFromAddressList,User Mailbox Usage (Bytes),User Mailbox Usage (GB),User Dumpster Usage (Bytes),
User Dumpster Usage (GB),MSLiveEventsEnabled""".replace("\n", "").split(",")
CANONICAL = """source,as_of,id,address,upn,display_name,kind,status,ods,org_name,unit,parent,created_at,last_activity_at,last_sent_at,
last_password_change_at,password_never_expires,leaver_at,deleted_at,enabled,aup_accepted,mfa,mobile_state,removal_in_days""".replace("\n", "").split(",")
CONTACTS = "ods_code,sector,site_name,shared_mailbox,address,role,alternate_address,administered_by".split(",")
GIVEN = "Alma Bram Cleo Dara Edda Finn Greta Hedy Ivo Juno Kaja Lars Mira Nils Orla Per Runa Siv Tove Ulla Vera Wim Ylva Zoë Åsa Chloé".split()
FAMILY = "Ashdown Birch Clough Dale Elmham Frost Garth Holm Inch Jarrow Kirk Lund Moss Nairn Orme Penn Quorn Rook Storr Thwaite Usk Venn Wold O'Shea Brontë Ash-Penn".split()
PLAIN = str.maketrans("ëéåÅ", "eeaA")
# sector, first letters of the mailbox, code in the export, code in the contacts
SECTORS = [("optometry", "op", "TP{0:03X}", "TP{0:03X}"), ("pharmacy", "ph", "F{0:04X}", "F{0:04X}"), ("dental", "de", "V0{1}", "V{1}"),
           ("care", "ca", "VL{0:03X}", "VL{0:03X}"), ("dental", "de", "V0{1}", "V0{1}")]
DAY = dt.timedelta(days=1)

# habit, weight; each is a method of Account
HABITS = [("steady", 26), ("quiet", 18), ("back", 7), ("small_move", 6), ("big_move", 4), ("leaver_dated", 4), ("leaver_undated", 5), ("leaver_late_date", 3),
          ("leaver_deleted", 4), ("leaver_not", 2), ("inactive_deleted", 6), ("deleted_permanent", 4), ("restored_deleted", 4), ("restoring", 3),
          ("disabled", 3), ("in_flight", 5), ("never", 6), ("never_then_used", 3), ("application", 4), ("vanish", 7), ("vanish_back", 3),
          ("renamed", 3), ("reused", 3), ("future_dates", 2), ("blank_dates", 3), ("deleted_at_first", 2)]


class Account:
    def __init__(self, rnd, site, number, world):
        self.rnd, self.site, self.world = rnd, site, world
        first, days = world.first, world.days
        self.id = str(uuid.UUID(int=rnd.getrandbits(128), version=4))
        self.given, self.family = rnd.choice(GIVEN), rnd.choice(FAMILY)
        self.stem = f"{self.given}.{self.family}".lower().translate(PLAIN).replace("'", "") + str(number)
        self.addresses = [(dt.date.min, self.stem + "@nhs.net")]
        self.created = first - dt.timedelta(days=rnd.randrange(90, 1500))
        self.spells = [(self.created, dt.date.max)]
        self.gap, self.lag = rnd.choice([1, 1, 2, 3, 5, 7]), rnd.choice([0, 0, 1, 3, 6])
        self.phase = rnd.randrange(7)
        self.late = []            # (visible from, login date)
        self.says = []            # (from, to, status word), the last that fits wins
        self.leaver = []          # (from, to, date or None, date visible from)
        self.absent = []          # (from, to)
        self.aup = [(dt.date.min, True)]
        self.app = self.deleted_when_idle = self.blank_created = False
        self.future, self.blank_login = set(), set()
        self.deleted_at = []      # (learnt from, date), for the canonical file
        self.graph = rnd.random() < 0.6
        change = first + dt.timedelta(days=rnd.randrange(days + 30) - 365 if rnd.random() < 0.6 else -rnd.randrange(1, 365))
        self.passwords = [(dt.date.min, change)]
        if rnd.random() < 0.25:
            when = self.event()
            self.passwords.append((when, when - rnd.choice([0, 1, 3]) * DAY))
        elif rnd.random() < 0.1:  # a correction by a few days
            self.passwords.append((self.event(), change + rnd.choice([-9, -3, 2, 6, 7, 8]) * DAY))
        self.policies = rnd.choice([None] * 8 + ["None", "DisablePasswordExpiration"])
        self.policy_change = (self.event(), rnd.choice(["None", "DisablePasswordExpiration", None])) if rnd.random() < 0.06 else None
        self.sign_in = rnd.random() < 0.15
        self.utc_created = rnd.choice(["T09:00:00Z", "T23:30:00Z", "T00:10:00.0000000Z"])
        habit = rnd.choices([h for h, _ in HABITS], [w for _, w in HABITS])[0]
        getattr(self, habit)()

    def event(self, low=-5):
        """A day within the exports, or a little before."""
        return self.world.first + dt.timedelta(days=self.rnd.randrange(low, max(low + 1, self.world.days)))

    def stop(self, low=-62, late=0):
        self.spells = [(self.created, self.world.first + dt.timedelta(days=self.rnd.randrange(low, max(low + 1, self.world.days - late))))]
        return self.spells[0][1]

    def steady(self):
        pass

    def quiet(self):
        self.stop()
        self.deleted_when_idle = self.rnd.random() < 0.5

    def back(self):
        gone = self.stop(late=20)
        self.spells.append((gone + dt.timedelta(days=self.rnd.randrange(21, 62)), dt.date.max))

    def small_move(self):
        gone = self.stop(late=25)
        self.gap = 1
        if self.rnd.random() < 0.4:  # idle when first seen, and back under a stage that was told: the wider ones were passed over
            gone = self.world.first - self.rnd.choice([43, 44, 50, 52, 55, 57]) * DAY
            self.spells = [(self.created, gone)]
            self.late.append((self.world.first + self.rnd.randrange(4, 10) * DAY, gone + 7 * DAY))
            return
        for _ in range(self.rnd.choice([1, 1, 2])):
            gone += dt.timedelta(days=self.rnd.randrange(1, 8))
            self.late.append((gone + dt.timedelta(days=self.rnd.randrange(16, 45)), gone))

    def big_move(self):
        gone = self.stop(late=25)
        self.gap = 1
        self.late.append((gone + dt.timedelta(days=self.rnd.randrange(32, 50)), gone + dt.timedelta(days=self.rnd.randrange(8, 14))))

    def leaver_dated(self):
        when = self.event(-25)
        self.leaver.append((when + self.rnd.choice([-2, 0, 0, 1, 2]) * DAY, dt.date.max, when, dt.date.min))
        if self.rnd.random() < 0.5:
            self.spells = [(self.created, when)]

    def leaver_undated(self):
        self.leaver.append((self.event(-25), dt.date.max, None, dt.date.max))
        if self.rnd.random() < 0.3:
            self.app = True

    def leaver_late_date(self):
        when = self.event(-10)
        self.leaver.append((when, dt.date.max, when + self.rnd.choice([-12, -6, -1, 3, 9, 12]) * DAY, when + self.rnd.randrange(3, 16) * DAY))

    def leaver_deleted(self):
        (self.leaver_dated if self.rnd.random() < 0.5 else self.leaver_undated)()
        when = self.leaver[0][0] + dt.timedelta(days=self.rnd.choice([28, 30, 31, 33, 40]))
        self.says.append((when, dt.date.max, "Deleted"))
        self.maybe_learn(when)
        if self.rnd.random() < 0.5:
            self.says.append((when + dt.timedelta(days=self.rnd.randrange(20, 32)), dt.date.max, "Deleted_Permanent"))

    def leaver_not(self):
        when = self.event(-10)
        date = when if self.rnd.random() < 0.5 else None
        self.leaver.append((when, when + dt.timedelta(days=self.rnd.randrange(3, 20)), date, when))
        if self.rnd.random() < 0.6:
            again = when + dt.timedelta(days=self.rnd.randrange(22, 40))
            self.leaver.append((again, dt.date.max, again if self.rnd.random() < 0.7 else None, again))

    def inactive_deleted(self):
        gone = self.stop(-75, late=10)
        when = gone + dt.timedelta(days=self.rnd.choice([55, 60, 61, 63, 70, 80]))
        self.says.append((when, dt.date.max, "Deleted"))
        if self.rnd.random() < 0.4:
            self.maybe_learn(when)

    def deleted_permanent(self):
        self.inactive_deleted()
        self.says.append((self.says[0][0] + dt.timedelta(days=self.rnd.randrange(10, 33)), dt.date.max, "Deleted_Permanent"))

    def restored_deleted(self):
        when = self.event()
        back = when + dt.timedelta(days=self.rnd.randrange(2, 20))
        self.says.append((when, back, "Deleted"))
        self.says.append((back + dt.timedelta(days=self.rnd.randrange(4, 30)), dt.date.max, "Deleted"))
        self.spells = [(self.created, when - dt.timedelta(days=self.rnd.randrange(1, 62)))]
        if self.rnd.random() < 0.5:
            self.late.append((back, back))
        self.maybe_learn(when)

    def restoring(self):
        when = self.event()
        back = when + dt.timedelta(days=self.rnd.randrange(3, 25))
        done = back + dt.timedelta(days=self.rnd.randrange(1, 12))
        self.says += [(when, dt.date.max if self.rnd.random() < 0.3 else done, "Deleted"), (back, done, "Restoring")]
        self.spells = [(self.created, when - dt.timedelta(days=60)), (done, dt.date.max)]

    def deleted_at_first(self):
        self.says.append((dt.date.min, dt.date.max, "Deleted"))
        self.stop(-85, late=self.world.days + 50)
        self.maybe_learn(self.world.first)

    def maybe_learn(self, when):
        if self.rnd.random() < 0.5:
            self.deleted_at.append((when + self.rnd.randrange(0, 20) * DAY, when - self.rnd.choice([0, 0, 1, 2, 5, 10]) * DAY))

    def disabled(self):
        if self.rnd.random() < 0.5:
            self.quiet()
        when = self.event()
        self.says.append((when, when + dt.timedelta(days=self.rnd.choice([3, 9, 20, 400])), self.rnd.choice(["Disabled", "Disabled_Compromised"])))

    def in_flight(self):
        self.rnd.choice([self.quiet, self.leaver_undated, self.inactive_deleted, self.steady, self.back])()
        for _ in range(self.rnd.choice([1, 2])):
            when = self.event()
            self.says.append((when, when + dt.timedelta(days=self.rnd.choice([1, 2, 4, 8, 15])),
                              self.rnd.choice(["Pending", "Enabling", "Disabling", "Deleting", "Restoring", "Migration Pending"])))

    def never(self):
        self.unused()

    def unused(self):
        self.spells = []
        self.created = self.event(-62)
        self.aup = [(dt.date.min, self.rnd.random() < 0.4)]
        if self.rnd.random() < 0.2:
            self.aup.append((self.event(), True))
        self.deleted_when_idle = self.rnd.random() < 0.4

    def never_then_used(self):
        self.unused()
        start = self.created + dt.timedelta(days=self.rnd.randrange(5, 65))
        self.spells = [(start, start + dt.timedelta(days=self.rnd.choice([0, 3, 400])))]
        self.aup.append((start, True))

    def application(self):
        self.rnd.choice([self.quiet, self.leaver_dated, self.leaver_deleted, self.inactive_deleted, self.steady])()
        self.app = True

    def vanish(self):
        self.rnd.choice([self.quiet, self.quiet, self.quiet, self.leaver_dated, self.leaver_undated, self.steady, self.unused])()
        self.absent.append((self.event(1), dt.date.max))
        self.graph = self.rnd.random() < 0.3

    def vanish_back(self):
        self.quiet()
        when = self.event(1)
        self.absent.append((when, when + dt.timedelta(days=self.rnd.randrange(1, 15))))
        self.graph = self.rnd.random() < 0.3

    def renamed(self):
        self.rnd.choice([self.quiet, self.leaver_undated, self.steady])()
        self.addresses.append((self.event(1), self.stem.replace(".", ".new.") + "@nhs.net"))

    def reused(self):
        """The row goes, and later a new account gets the address."""
        self.rnd.choice([self.quiet, self.inactive_deleted, self.leaver_dated])()
        when = self.event(1)
        self.absent.append((when, dt.date.max))
        self.graph = self.rnd.random() < 0.2
        self.world.reuse.append((self, when + dt.timedelta(days=self.rnd.randrange(0, 12))))

    def future_dates(self):
        self.quiet()
        self.future = {self.event() for _ in range(4)}

    def blank_dates(self):
        self.rnd.choice([self.quiet, self.unused, self.steady])()
        if self.rnd.random() < 0.5:
            self.blank_created = True
        self.blank_login = {self.event() for _ in range(self.world.days // 3)}

    # ---- what the exports say on a day

    def address(self, day):
        return [a for since, a in self.addresses if since <= day][-1]

    def last_login(self, day):
        seen = [date for visible, date in self.late if visible <= day]
        for start, end in self.spells:
            end = min(end, day - self.lag * DAY)
            end -= dt.timedelta(days=(end.toordinal() + self.phase) % self.gap)
            if end >= start:
                seen.append(end)
        return max(seen, default=None)

    def leaver_on(self, day):
        return next((x for x in reversed(self.leaver) if x[0] <= day < x[1]), None)

    def status(self, day):
        word = next((w for start, end, w in reversed(self.says) if start <= day < end), None)
        if word:
            return word
        idle = (day - (self.last_login(day) or self.created)).days
        if self.deleted_when_idle and idle >= 61:
            return "Deleted"
        return ("Inactive" if idle >= 30 else "Active") + (" (Leaver)" if self.leaver_on(day) else "")

    def is_listed(self, day):
        return self.created <= day and not any(a <= day < b for a, b in self.absent)

    def portal_row(self, day, noise):
        login, leaver = self.last_login(day), self.leaver_on(day)
        shown = "" if login is None or day in self.blank_login else stamp(login, noise)
        if day in self.future:
            shown = stamp(day + noise.choice([1, 1, 2, 3, 300]) * DAY, noise)
        left = stamp(leaver[2], noise) if leaver and leaver[2] and leaver[3] <= day else ""
        address, site = self.address(day), self.site
        row = dict.fromkeys(PORTAL, "")
        row.update({"Id": self.id, "FirstName": self.given, "LastName": self.family, "DisplayName": f"{self.family.upper()}, {self.given} ({site.name})",
                    "MailboxType": "User", "MailboxLocation": "Exchange Online", "Status": self.status(day), "EmailAddress": address,
                    "Mobile": noise.choice(["", "Hidden"]), "Mailbox Size (GB)": "1", "CreatedOn": "" if self.blank_created else stamp(self.created, self.rnd_fixed()),
                    "LastUpdated": stamp(day, noise), "LastLogIn": shown, "UpdatedBy": "BackgroundTasks", "UserPrincipalName": address,
                    "ODS Code": site.export_ods, "OrganisationName": site.name, "OrganisationUnitName": site.name,
                    "AUPStatus": str([v for since, v in self.aup if since <= day][-1]), "MarkAsLeaverDate": left,
                    "DaysUntilRemoval": str(60 - (day - (login or self.created)).days), "AccountType": "ApplicationAccount" if self.app else "",
                    "HideFromAddressList": "False", "MSLiveEventsEnabled": "False"})
        return row

    def rnd_fixed(self):
        return random.Random(self.id)

    def graph_row(self, day):
        address = self.address(day)
        row = {"id": self.id, "displayName": f"{self.family.upper()}, {self.given}", "userPrincipalName": address,
               "mail": None if self.phase == 3 else address, "accountEnabled": not self.status(day).startswith("Disabled"),
               "createdDateTime": f"{self.created}{self.utc_created}",
               "lastPasswordChangeDateTime": f"{[d for since, d in self.passwords if since <= day][-1]}T{'23:45:10' if self.phase == 1 else '08:12:00'}Z"}
        policies = self.policies
        if self.policy_change and self.policy_change[0] <= day:
            policies = self.policy_change[1]
        if policies or self.phase == 2:
            row["passwordPolicies"] = policies
        login = self.last_login(day)
        if self.sign_in and login:
            row["signInActivity"] = {"lastSignInDateTime": f"{login}T10:00:00Z", "lastSuccessfulSignInDateTime": f"{login}T10:00:00.1234567Z"}
        return row


class Mailbox:
    def __init__(self, rnd, site, number, world):
        self.id = str(uuid.UUID(int=rnd.getrandbits(128), version=4))
        self.site = site
        self.address = f"{site.letters}.{site.contact_ods.lower()}{'abc'[number] if number else ''}@nhs.net"
        self.created = world.first - dt.timedelta(days=rnd.randrange(30, 1500))
        end = world.first + dt.timedelta(days=world.days)
        since = end - dt.timedelta(days=rnd.randrange(100, 280) if rnd.random() < 0.6 else -1)
        if rnd.random() < 0.35:
            since = since.replace(day=1) - DAY  # the end of a month
        self.sends = [(self.created, since)]
        self.gap = rnd.choice([1, 2, 4, 9])
        if rnd.random() < 0.2:
            back = since + dt.timedelta(days=rnd.randrange(4, 200))
            self.sends.append((back, back + rnd.choice([0, 5, 400]) * DAY))
        if rnd.random() < 0.08:
            self.sends = []
        self.blank_created = rnd.random() < 0.08
        self.says, self.absent = [], []
        odd = rnd.random()
        when = world.first + dt.timedelta(days=rnd.randrange(-5, world.days))
        if odd < 0.10:
            self.says = [(when, dt.date.max, "Deleted")]
            if odd < 0.04:
                self.says.append((when + dt.timedelta(days=rnd.randrange(5, 32)), dt.date.max, "Deleted_Permanent"))
            elif odd < 0.06:
                self.says.append((when + dt.timedelta(days=rnd.randrange(5, 25)), dt.date.max, "Active"))
        elif odd < 0.14:
            self.says = [(when, when + rnd.choice([3, 10, 40]) * DAY, rnd.choice(["Disabled", "Pending", "Restoring"]))]
        elif odd < 0.22:
            self.absent = [(when, when + rnd.choice([2, 6, 400]) * DAY)]
        elif odd < 0.26:
            self.created = when  # its sends may be seen before it is listed
            self.sends = [(when - 3 * DAY, when + 2 * DAY)]
        self.all_time = rnd.random() < 0.6
        if number and site.style in ("blank", "absent") and rnd.random() < 0.5:  # one of two is deleted
            self.says, self.absent = [(dt.date.min, dt.date.max, "Deleted")], []

    def is_listed(self, day):
        return self.created <= day and not any(a <= day < b for a, b in self.absent)

    def status(self, day):
        return next((w for start, end, w in reversed(self.says) if start <= day < end), "Active")

    def newest_sends(self, day, window):
        """Send dates within `window` days before `day`, at most the newest two."""
        found = []
        for start, end in self.sends:
            last = min(end, day)
            for date in (last, last - self.gap * DAY):
                if start <= date and (day - date).days <= window:
                    found.append(date)
        return sorted(set(found))[-2:]

    def portal_row(self, day, noise):
        row = dict.fromkeys(PORTAL, "")
        site = self.site
        row.update({"Id": self.id, "DisplayName": f"{site.sector.upper()}, {site.contact_ods} ({site.name})", "MailboxType": "Shared", "MailboxLocation": "Exchange Online",
                    "Status": self.status(day), "EmailAddress": self.address, "Mailbox Size (GB)": "1",
                    "CreatedOn": "" if self.blank_created else stamp(self.created, random.Random(self.id)), "LastUpdated": stamp(day, noise),
                    "LastLogIn": stamp(day - noise.randrange(60) * DAY, noise), "UpdatedBy": "BackgroundTasks", "UserPrincipalName": self.address,
                    "ODS Code": site.export_ods, "OrganisationName": site.name, "OrganisationUnitName": site.name, "AUPStatus": "False",
                    "HideFromAddressList": "False", "MSLiveEventsEnabled": "False"})
        return row


class Site:
    def __init__(self, rnd, number, world):
        self.sector, self.letters, export, contact = SECTORS[number % len(SECTORS)]
        self.export_ods, self.contact_ods = export.format(number + 256, number + 10100), contact.format(number + 256, number + 10100)
        self.name = f"{rnd.choice('NORTHWOLD EASTMERE SOUTHLEY WESTCOMBE'.split())} {self.sector.upper()} {number}"
        # what the contacts file says of the site: its mailboxes, blank in their column, or nothing
        self.style = rnd.choices(["full", "blank", "absent", "only_first"], [70, 15, 6, 9])[0]
        self.mailboxes = [Mailbox(rnd, self, k, world) for k in range(rnd.choices([0, 1, 2], [6, 74, 20])[0])]
        self.resource = rnd.random() < 0.15
        self.resource_id = str(uuid.UUID(int=rnd.getrandbits(128), version=4))

    def resource_row(self, day, noise):
        row = dict.fromkeys(PORTAL, "")
        address = f"room.{self.contact_ods.lower()}@nhs.net"
        row.update({"Id": self.resource_id, "DisplayName": f"ROOM ({self.name})", "MailboxType": "Resource", "Status": "Active" if noise.random() < 0.9 else "Deleted",
                    "EmailAddress": address, "CreatedOn": "01/02/2020 09:00", "LastUpdated": stamp(day, noise), "UserPrincipalName": address,
                    "ODS Code": self.export_ods, "AUPStatus": "False"})
        return row


class World:
    def __init__(self, seed, count, as_of, days):
        rnd = random.Random(f"world/{seed}/{count}/{as_of}/{days}")
        self.seed, self.as_of, self.days, self.first, self.reuse = seed, as_of, days, as_of - (days - 1) * DAY, []
        self.sites = [Site(rnd, n, self) for n in range(count)]
        self.accounts = []
        for site in self.sites:
            for _ in range(rnd.choice([1, 2, 3, 3, 4, 5])):
                self.accounts.append(Account(rnd, site, len(self.accounts), self))
        for old, when in self.reuse[:]:
            heir = Account(rnd, old.site if rnd.random() < 0.5 else rnd.choice(self.sites), len(self.accounts), self)
            heir.addresses = [(dt.date.min, old.address(when))]
            heir.absent = [(dt.date.min, max(when, old.absent[0][0]))] + [a for a in heir.absent if a[0] > when]
            self.accounts.append(heir)
        # accounts that only Graph knows: of unknown kind
        self.strangers = [Account(rnd, rnd.choice(self.sites), 9000 + n, self) for n in range(max(2, count // 10))]
        for s in self.strangers:
            s.graph = True
        missing = rnd.choice([0.1, 0.1, 0.7])  # by some seeds a report comes about twice a week
        self.reports = {d for d in range(days) if rnd.random() > missing or d == days - 1}
        self.weekday = rnd.randrange(7)
        self.canonical_days = sorted(rnd.sample(range(days), min(days, 1 + days // 30)))
        self.early_sends = rnd.choice([None, 20, 150, 240])
        self.second_contacts = self.first + rnd.randrange(5, max(6, days)) * DAY if rnd.random() < 0.5 else None
        self.contact_rows = self.contacts(rnd)

    def contacts(self, rnd):
        rows = []
        for site in self.sites:
            if site.style == "absent":
                continue
            staff = [a for a in self.accounts if a.site is site]
            boxes = [m.address for m in site.mailboxes] or ([f"{site.letters}.{site.contact_ods.lower()}@nhs.net"] if rnd.random() < 0.5 else [""])
            if site.style == "blank":
                boxes = [""]
            elif site.style == "only_first":
                boxes = boxes[:1]
            shared_alternate = f"home.{site.contact_ods.lower()}@example.org"

            def add(address, role, box, alternate=""):
                if rnd.random() < 0.1:
                    address = address.title().replace("Nhs.Net", "nhs.net")
                rows.append([site.contact_ods, site.sector, site.name, box, address, role, alternate, "HELP"])

            for k, a in enumerate(staff):
                if rnd.random() < 0.1:
                    continue
                alternate = rnd.choice([""] * 5 + [f"{a.stem}@example.org", f"{a.stem}@example.org", shared_alternate, shared_alternate])
                address = rnd.choice(a.addresses)[1]
                role = "owner" if k == 0 or rnd.random() < 0.25 else "member"
                for box in boxes if rnd.random() < 0.7 else boxes[:1]:
                    add(address, role, box, alternate)
                if rnd.random() < 0.12:  # listed under another site's mailbox as well
                    other = rnd.choice(self.sites)
                    for m in other.mailboxes[:1]:
                        rows.append([other.contact_ods, other.sector, other.name, m.address, address, rnd.choice(["owner", "member"]), "", "HELP"])
            extra = rnd.random()
            if extra < 0.10:
                add(f"unlisted.{site.contact_ods.lower()}@nhs.net", "owner", boxes[0])
            elif extra < 0.25:
                add(f"partner@{site.contact_ods.lower()}.example.org", "owner", boxes[0])
            elif extra < 0.30:
                add(f"temp@{site.contact_ods.lower()}.example.org", "member", boxes[-1])
            elif extra < 0.34:
                other = rnd.choice(self.sites)
                for m in other.mailboxes[:1]:
                    add(m.address, rnd.choice(["owner", "member"]), boxes[0])
            if rnd.random() < 0.5:
                who = rnd.choice([f"manager@{site.contact_ods.lower()}.example.org"] * 3 + [rnd.choice(self.accounts).addresses[0][1], f"group{len(rows) % 5}@example.org"])
                add(who, "site", rnd.choice(boxes + [""]))
            if rnd.random() < 0.3:
                add(rnd.choice(["desk@example.org", rnd.choice(self.accounts).addresses[0][1]]), "admin", rnd.choice(boxes + [""]))
        return rows

    def write(self, out):
        out.mkdir(parents=True, exist_ok=True)
        for n in range(self.days):
            day = self.first + n * DAY
            if n in self.reports:
                self.write_portal(out, day)
            if n % 7 == self.weekday % 7 or n == self.days - 1:
                self.write_graph(out, day)
            if n % 7 == (self.weekday + 2) % 7:
                self.write_sends(out, day, 3000 if n < 7 and self.early_sends is None else 90)
            if n in self.canonical_days:
                self.write_canonical(out, day)
        if self.early_sends:
            self.write_sends(out, self.first - self.early_sends * DAY, 3000)
            self.write_sends(out, self.first - DAY, 3000)
        self.write_contacts(out / "site-contacts.csv", self.contact_rows)
        if self.second_contacts:
            rnd = random.Random(f"contacts/{self.seed}")
            rows = [list(r) for r in self.contact_rows if rnd.random() > 0.1]
            for r in rows:
                if rnd.random() < 0.1:
                    r[4] = f"newcomer{rnd.randrange(9)}@{r[0].lower()}.example.org"
            self.write_contacts(out / f"{self.second_contacts} site-contacts.csv", rows)

    def write_portal(self, out, day):
        noise = random.Random(f"portal/{self.seed}/{day}")
        rows = [a.portal_row(day, noise) for a in self.accounts if a.is_listed(day)]
        rows += [m.portal_row(day, noise) for s in self.sites for m in s.mailboxes if m.is_listed(day)]
        rows += [s.resource_row(day, noise) for s in self.sites if s.resource]
        noise.shuffle(rows)
        with open(out / f"{day} Mailbox Report.csv", "w", newline="", encoding="utf-8-sig") as f:
            w = csv.DictWriter(f, PORTAL, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
            w.writeheader()
            w.writerows(rows)

    def write_graph(self, out, day):
        value = [a.graph_row(day) for a in self.accounts + self.strangers if a.graph and a.is_listed(day) and not a.status(day).startswith("Deleted")]
        with open(out / f"{day} passwords.json", "w", encoding="utf-8") as f:
            json.dump({"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users", "value": value}, f, indent=1)

    def write_sends(self, out, day, window):
        noise = random.Random(f"sends/{self.seed}/{day}")
        rows = []
        for m in (m for s in self.sites for m in s.mailboxes):
            for date in m.newest_sends(day, window if m.all_time else min(window, 90)):
                rows.append([m.address, f"{date}T{noise.choice(['00:20', '09:15', '14:40', '23:40'])}:{noise.randrange(60):02}Z", noise.choice(["Delivered", "Delivered", "Expanded", "Pending"])])
            if noise.random() < 0.05:
                rows.append([m.address, f"{day}T08:00:00Z", "Failed"])
            if noise.random() < 0.03:
                rows.append([m.address, f"{day + noise.choice([1, 2, 30]) * DAY}T08:00:00Z", "Delivered"])
        for a in noise.sample(self.accounts, min(3, len(self.accounts))):
            rows.append([a.address(day), f"{day - 2 * DAY}T11:00:00Z", "Delivered"])
        noise.shuffle(rows)
        with open(out / f"{day} sends.csv", "w", newline="", encoding="utf-8") as f:
            w = csv.writer(f, lineterminator="\n")
            w.writerow(["SenderAddress", "Received", "Status"])
            w.writerows(rows)

    def write_canonical(self, out, day):
        noise = random.Random(f"canonical/{self.seed}/{day}")
        rows = []

        def add(**values):
            rows.append({**dict.fromkeys(CANONICAL, ""), "source": "canonical", "as_of": str(day), **values})

        for a in self.accounts:
            learnt = [d for since, d in a.deleted_at if since <= day]
            if learnt and a.status(day) == "Deleted":
                add(address=a.address(day), upn=a.address(day), status="Deleted", deleted_at=str(learnt[-1]))
            elif noise.random() < 0.04 and a.is_listed(day):
                add(address=a.address(day), upn=a.address(day), kind="user", ods=a.site.export_ods, aup_accepted=noise.choice(["True", "False", ""]),
                    password_never_expires=noise.choice(["", "False", "True"]), last_password_change_at=noise.choice(["", str(a.passwords[0][1])]))
        for n, a in enumerate(self.strangers):  # of unknown kind, deleted: only `restore` is asked
            if n % 2 and a.created <= day:
                add(address=a.address(day), status="Deleted", deleted_at=noise.choice(["", str(day - 4 * DAY)]), ods=a.site.export_ods)
        site = self.sites[day.toordinal() % len(self.sites)]
        add(address=f"only.{site.contact_ods.lower()}@nhs.net", kind="user", status="Active", ods=site.export_ods, created_at=str(day - 400 * DAY),
            last_activity_at=str(day - noise.randrange(1, 58) * DAY), aup_accepted="True")
        add(address=f"late.{site.contact_ods.lower()}@nhs.net", kind="shared", status="Active", ods=site.contact_ods, created_at=str(day - 400 * DAY))
        noise.shuffle(rows)
        with open(out / f"{day} canonical.csv", "w", newline="", encoding="utf-8") as f:
            w = csv.DictWriter(f, CANONICAL, lineterminator="\n")
            w.writeheader()
            w.writerows(rows)

    @staticmethod
    def write_contacts(path, rows):
        with open(path, "w", newline="", encoding="utf-8") as f:
            w = csv.writer(f, lineterminator="\n")
            w.writerow(CONTACTS)
            w.writerows(rows)


def stamp(day, noise):
    return day.strftime("%d/%m/%Y ") + ("00:00" if noise.random() < 0.8 else f"{noise.randrange(24):02}:{noise.randrange(60):02}")


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--out", required=True, type=pathlib.Path)
    a.add_argument("--seed", default="1")
    a.add_argument("--sites", type=int, default=20)
    a.add_argument("--as-of", type=dt.date.fromisoformat, default=dt.date(2026, 11, 20))
    a.add_argument("--days", type=int, default=90)
    a = a.parse_args()
    World(a.seed, a.sites, a.as_of, a.days).write(a.out)


if __name__ == "__main__":
    main()

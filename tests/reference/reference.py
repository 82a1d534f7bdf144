#!/usr/bin/env python3
"""A second, independent implementation of the rules, for comparison notice by notice.

    reference.py --snapshots DIR --from DATE --to DATE [--operator ADDRESS]

Prints the JSON lines that `lapsewatch replay --snapshots DIR --from DATE --to DATE --format json` must print for the default policy.
Plain and slow on purpose; comments name the rule of the semantics page that a line follows. Where that page can be read in two ways the
choice is in NOTES.md, and "note N" in a comment points there. Standard library only.
"""
import argparse
import csv
import datetime as dt
import io
import json
import pathlib
import re
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
UTC = dt.timezone.utc
DAY = dt.timedelta(days=1)
COVERED_DOMAINS = {"nhs.net"}

# Rule 4. Bank holidays of England and Wales.
BANK_HOLIDAYS = {dt.date.fromisoformat(d) for d in """
    2024-01-01 2024-03-29 2024-04-01 2024-05-06 2024-05-27 2024-08-26 2024-12-25 2024-12-26
    2025-01-01 2025-04-18 2025-04-21 2025-05-05 2025-05-26 2025-08-25 2025-12-25 2025-12-26
    2026-01-01 2026-04-03 2026-04-06 2026-05-04 2026-05-25 2026-08-31 2026-12-25 2026-12-28
    2027-01-01 2027-03-26 2027-03-29 2027-05-03 2027-05-31 2027-08-30 2027-12-27 2027-12-28
    2028-01-03 2028-04-14 2028-04-17 2028-05-01 2028-05-29 2028-08-28 2028-12-25 2028-12-26""".split()}

RUNGS = ["user", "owners", "site mailbox", "members", "site contact", "operator"]  # the order of rule 15

# The default ladders: name, when, audience, marks. f: states_fact, a: any_day and alone.
LADDERS_TEXT = {
    "inactivity": """
        nudge    | after 21 d  | user                                                |
        inactive | after 30 d  | user, owners, site mailbox                          | f
        warn     | after 45 d  | user, owners, site mailbox                          |
        urgent   | after 53 d  | user, owners, site mailbox, site contact, operator  |
        final    | after 57 d  | user, owners, site mailbox, site contact, operator  | a""",
    "activation": """
        welcome  | after 7 d   | user, owners                                        |
        remind   | after 21 d  | user, owners                                        |
        inactive | after 30 d  | user, owners, site mailbox                          | f
        warn     | after 45 d  | user, owners, site mailbox                          |
        urgent   | after 53 d  | user, owners, site mailbox, operator                |
        final    | after 57 d  | user, owners, site mailbox, operator                | a""",
    "password": """
        early    | before 30 d | user                                                |
        remind   | before 14 d | user                                                |
        urgent   | before 7 d  | user, owners                                        |
        expired  | before 0 d  | user, owners, site mailbox, operator                | f""",
    "leaver": """
        marked   | after 0 d   | user, owners, operator                              | f
        remind   | after 14 d  | user, owners, operator                              |
        urgent   | after 23 d  | user, owners, operator                              |
        final    | after 28 d  | user, owners, operator                              | a""",
    "restore": """
        deleted  | after 0 d   | user, owners, site mailbox, operator                | f
        half     | before 15 d | user, owners, site mailbox, operator                |
        urgent   | before 7 d  | user, owners, site mailbox, operator                |
        final    | before 2 d  | user, owners, site mailbox, operator                | a""",
    "shared_mailbox": """
        early    | after 4 m   | owners                                              |
        remind   | after 5 m   | owners, site mailbox                                |
        urgent   | before 14 d | owners, site mailbox, members                       |
        silent   | before 0 d  | owners, site mailbox, members, operator             | f
        silent#2 | repeat 1 m  | owners, site mailbox, members, operator             | f
        silent#3 | repeat 2 m  | owners, site mailbox, members, operator             | f""",
}


class Stage:
    def __init__(self, position, name, when, audience, marks):
        self.position, self.name = position, name
        self.how, self.count, self.unit = when.split()
        self.count = int(self.count)
        self.audience = [r.strip() for r in audience.split(",")]
        self.states_fact = "f" in marks
        self.any_day = self.alone = "a" in marks
        self.is_repeat = self.how == "repeat"


def read_ladders():
    ladders = {}
    for rule, text in LADDERS_TEXT.items():
        ladders[rule] = []
        for position, line in enumerate(text.strip().splitlines()):
            name, when, audience, marks = (c.strip() for c in line.split("|"))
            ladders[rule].append(Stage(position, name, when, audience, marks))
    return ladders


LADDERS = read_ladders()


# ---------------------------------------------------------------------------------------------------------------- dates (rules 1 to 4, 7)

def add_months(day, months):
    """Rule 3: a month span that lands past a month's end takes its last day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    month += 1
    last = (dt.date(year + (month == 12), month % 12 + 1, 1) - DAY).day
    return dt.date(year, month, min(day.day, last))


def is_closed(day):
    """Rule 4."""
    return day.weekday() >= 5 or day in BANK_HOLIDAYS


def nominal_on(stage, anchor, deadline):
    """Rules 7 and 11."""
    if stage.how == "after":
        return add_months(anchor, stage.count) if stage.unit == "m" else anchor + stage.count * DAY
    if stage.how == "before":
        return deadline - stage.count * DAY
    # rule 11: at the first one's nominal_on (which is the deadline: before 0 d) plus that many months
    return add_months(deadline, stage.count)


def fires_on(stage, anchor, deadline):
    """Rule 7."""
    day = nominal_on(stage, anchor, deadline)
    if stage.any_day:
        return day
    while is_closed(day):
        day += DAY if stage.states_fact else -DAY
    return day


# ------------------------------------------------------------------------------------------------------------------------- reading files

BLANKS = {"", "null", "n/a", "-", "never"}


def key_of(header):
    return re.sub(r"[^a-z0-9]", "", header.lower())


def text(value):
    value = "" if value is None else str(value).strip()
    if value.lower() in BLANKS or value.startswith("System.") or value.startswith("Microsoft.Exchange."):
        return None
    return value


def address_of(value):
    value = text(value)
    if value is None:
        return None
    value = value.lower()
    if value.startswith("smtp:"):
        value = value[5:]
    return value


def boolean(value):
    value = (text(value) or "").lower()
    if value in ("true", "yes", "1", "enabled"):
        return True
    if value in ("false", "no", "0", "disabled"):
        return False
    return None


def civil(value, zone):
    """Rule 2: an instant becomes a civil date in London, a date-only fact is that date, local times are their own date."""
    value = text(value)
    if value is None:
        return None
    try:
        slash = re.match(r"(\d{1,2})/(\d{1,2})/(\d{4})\b", value)
        if slash:  # day first, local
            day = dt.date(int(slash[3]), int(slash[2]), int(slash[1]))
        elif re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            day = dt.date.fromisoformat(value)
        else:
            value = re.sub(r"(\.\d{6})\d+", r"\1", value)  # seven digits of a second
            instant = dt.datetime.fromisoformat(value)
            if instant.tzinfo is None:
                instant = instant.replace(tzinfo=zone)
            day = instant.astimezone(LONDON).date()
    except ValueError:
        return None
    return day if day.year >= 2004 else None


class Snapshot:
    """One file: what one source said. `rows` are dicts of canonical fields; `listing` files list subjects, the others only tell of them."""

    def __init__(self, source, as_of, rows, listing):
        self.source, self.as_of, self.rows, self.listing = source, as_of, rows, listing


RANK = {"portal": 0, "graph": 1, "exchange": 2, "m365": 3}


def rank_of(source):
    """Rule 5: ties by source rank: Portal, Graph, Exchange, Microsoft 365 reports, the rest, by name."""
    return (RANK.get(source, 4), source)


def date_in_name(name):
    found = re.search(r"(\d{4})-(\d\d)-(\d\d)", name)
    return dt.date(int(found[1]), int(found[2]), int(found[3])) if found else None


def newest_of_duplicates(rows):
    """Duplicates of a key in one file: keep the newest activity."""
    kept = {}
    for row in rows:
        key = row.get("id") or row.get("address")
        if key is None:
            continue
        old = kept.get(key)
        if old is None or (row.get("last_activity") or dt.date.min) > (old.get("last_activity") or dt.date.min):
            kept[key] = row
    return list(kept.values())


def read_portal(table, as_of):
    rows, newest_update = [], None
    for r in table:
        updated = civil(r.get("lastupdated"), LONDON)
        if updated and (newest_update is None or updated > newest_update):
            newest_update = updated
        kind = {"user": "user", "shared": "shared", "resource": "resource"}.get((text(r.get("mailboxtype")) or "").lower())
        if (text(r.get("accounttype")) or "").lower() == "applicationaccount":
            kind = "application"
        rows.append({
            "id": (text(r.get("id")) or "").lower() or None, "address": address_of(r.get("emailaddress")), "kind": kind, "status": text(r.get("status")),
            "ods": text(r.get("odscode")), "created": civil(r.get("createdon"), LONDON), "last_activity": civil(r.get("lastlogin"), LONDON),
            "leaver_at": civil(r.get("markasleaverdate"), LONDON), "aup": boolean(r.get("aupstatus")),
        })
    return Snapshot("portal", as_of or newest_update, newest_of_duplicates(rows), True)


def read_canonical(table, as_of):
    rows, newest = [], None
    for r in table:
        own = civil(r.get("asof"), LONDON)
        if own and (newest is None or own > newest):
            newest = own
        kind = (text(r.get("kind")) or "").lower()
        rows.append({
            "id": (text(r.get("id")) or "").lower() or None, "address": address_of(r.get("address")) or address_of(r.get("upn")),
            "kind": kind if kind not in ("", "unknown") else None, "status": text(r.get("status")), "ods": text(r.get("ods")),
            "created": civil(r.get("createdat"), LONDON), "last_activity": civil(r.get("lastactivityat"), LONDON),
            "last_sent": civil(r.get("lastsentat"), LONDON), "password_changed": civil(r.get("lastpasswordchangeat"), LONDON),
            "password_never_expires": boolean(r.get("passwordneverexpires")), "leaver_at": civil(r.get("leaverat"), LONDON),
            "deleted_at": civil(r.get("deletedat"), LONDON), "aup": boolean(r.get("aupaccepted")),
        })
    return Snapshot("canonical", as_of or newest, newest_of_duplicates(rows), True)


def read_sends(table, as_of):
    newest, newest_seen = {}, None
    for r in table:
        sender, received = address_of(r.get("senderaddress")), civil(r.get("received"), UTC)
        if sender is None or received is None or (text(r.get("status")) or "").lower() not in ("delivered", "expanded", "pending"):
            continue
        newest.setdefault(sender, []).append(received)
        newest_seen = max(newest_seen or received, received)
    # every send is a date of its own, so that a bad one does not hide a good one
    rows = [{"address": sender, "last_sent": day} for sender, days in newest.items() for day in days]
    return Snapshot("sends", as_of or newest_seen, rows, False)


def read_contacts(table, as_of):
    rows = [{
        "ods": collapse(text(r.get("odscode"))), "mailbox": address_of(r.get("sharedmailbox")), "address": address_of(r.get("address")),
        "role": (text(r.get("role")) or "").lower(), "alternate": address_of(r.get("alternateaddress")),
    } for r in table]
    return Snapshot("contacts", as_of, rows, False)


def read_graph(document, as_of):
    rows = []
    for r in document["value"] if isinstance(document, dict) and "value" in document else document if isinstance(document, list) else [document]:
        if (text(r.get("userType")) or "").lower() == "guest":
            continue
        signs = r.get("signInActivity") or {}
        activity = civil(signs.get("lastSuccessfulSignInDateTime"), UTC)
        if activity is None:
            tried = [civil(signs.get(k), UTC) for k in ("lastSignInDateTime", "lastNonInteractiveSignInDateTime")]
            activity = max((t for t in tried if t), default=None)
        policies = text(r.get("passwordPolicies"))
        rows.append({
            "id": (text(r.get("id")) or "").lower() or None, "address": address_of(r.get("mail")) or address_of(r.get("userPrincipalName")),
            "created": civil(r.get("createdDateTime"), UTC), "password_changed": civil(r.get("lastPasswordChangeDateTime"), UTC),
            "password_never_expires": None if policies is None else "disablepasswordexpiration" in policies.lower(), "last_activity": activity,
        })
    return Snapshot("graph", as_of, newest_of_duplicates(rows), True)


def read_file(path):
    raw = path.read_bytes().decode("utf-8-sig")
    as_of = date_in_name(path.name)
    if raw.lstrip()[:1] in ("{", "["):
        return read_graph(json.loads(raw), as_of)
    lines = csv.reader(io.StringIO(raw, newline=""))
    header = [key_of(h) for h in next(lines, [])]
    table = [dict(zip(header, line)) for line in lines if any(c.strip() for c in line)]
    have = set(header)
    if {"mailboxtype", "lastlogin", "aupstatus"} <= have:
        return read_portal(table, as_of)
    if {"senderaddress", "received"} <= have:
        return read_sends(table, as_of)
    if {"sharedmailbox", "role", "odscode"} <= have:
        return read_contacts(table, as_of)
    if {"source", "asof", "address"} <= have:
        return read_canonical(table, as_of)
    return None


def collapse(ods):
    """Rule 14: dental V0… collapsed (NOTES.md, 21)."""
    return None if ods is None else re.sub(r"^V0+(?=.)", "V", ods.upper())


# --------------------------------------------------------------------------------------------------------------------- merging (rule 5)

DATES = {"created", "last_activity", "last_sent", "password_changed", "leaver_at", "deleted_at"}
EVIDENCE = {"last_activity", "last_sent"}
GONE = "Deleted (row gone)"  # our own word for a subject that is taken as deleted
IN_FLIGHT = {"enabling", "disabling", "deleting", "restoring", "pending", "migration pending"}


def says_deleted(status):
    return (status or "").lower().startswith("deleted")


def says_permanent(status):
    return says_deleted(status) and "permanent" in status.lower()


def says_disabled(status):
    return (status or "").lower().startswith("disabled")


def says_in_flight(status):
    return (status or "").lower().replace("_", " ") in IN_FLIGHT


def says_leaver(status):
    return "leaver" in (status or "").lower()


def says_live(status):
    """Rule 6: any status but Deleted…, Disabled… and those in flight."""
    return not (says_deleted(status) or says_disabled(status) or says_in_flight(status))


class Subject:
    def __init__(self, number):
        self.number = number
        self.ids = {}            # source -> id
        self.fields = {}         # field -> (value, as_of, source)
        self.evidence = {}       # last_activity, last_sent -> latest date ever seen
        self.listed = {}         # source -> last as-of in which it listed this subject
        self.history = []        # (as_of, status) for every as-of that said a status
        self.gone = False        # taken as deleted because its row has vanished
        self.restore_anchor = None   # fixed when first seen deleted
        self.restore_guess = False
        self.restore_since = None    # the as-of that first said deleted, of the present deletion
        self.leaver_guess = None     # last leaver anchor that was worked out without a date

    def get(self, field):
        return self.fields[field][0] if field in self.fields else None

    def put(self, field, value, as_of, source):
        if value is None:
            return  # a blank never erases a value
        if field in DATES and value > as_of + DAY:
            return  # a date more than one day after its snapshot's as-of is bad
        if field in EVIDENCE:
            self.evidence[field] = max(self.evidence.get(field, value), value)  # the latest ever seen, never back
            return
        old = self.fields.get(field)
        if old is None or as_of > old[1] or (as_of == old[1] and rank_of(source) < rank_of(old[2])):
            self.fields[field] = (value, as_of, source)

    @property
    def address(self):
        return self.get("address")

    @property
    def kind(self):
        return self.get("kind") or "unknown"

    @property
    def ods(self):
        return collapse(self.get("ods"))

    @property
    def status(self):
        return GONE if self.gone else self.get("status")

    @property
    def last_activity(self):
        return self.evidence.get("last_activity")

    @property
    def last_sent(self):
        return self.evidence.get("last_sent")

    def stretch(self, says, ignore=None):
        """Of the unbroken stretch of as-ofs at the end that `says` something: (first as-of of it, last as-of before it that did not)."""
        first, before = None, None
        for as_of, status in reversed(self.history):
            if status == ignore:
                continue
            if not says(status):
                before = as_of
                break
            first = as_of
        return first, before


class World:
    def __init__(self):
        self.subjects = []
        self.by_id = {}          # (source, id) -> subject
        self.by_address = {}     # address -> (subject, as_of, source) that was last listed under it
        self.waiting = {}        # address -> [(field, value, as_of, source)]
        self.snapshots = {}      # source -> sorted as-ofs of listing files
        self.contacts = []
        self.first_sends = None  # as-of of the first load of a source of sends

    # Rule 5: within one source by stable id, across sources by lower-cased address
    def subject_for(self, source, row):
        identity, address = row.get("id"), row.get("address")
        if identity and (source, identity) in self.by_id:
            return self.by_id[(source, identity)]
        found = self.by_address[address][0] if address in self.by_address else None
        if found is not None and identity and source in found.ids:
            found = None  # the same source knows that address under another id: another subject
        if found is None:
            found = Subject(len(self.subjects))
            self.subjects.append(found)
        if identity:
            found.ids[source] = identity
            self.by_id[(source, identity)] = found
        return found

    def load_day(self, snapshots):
        """All files of one as-of. Their order changes nothing: they are taken by rank, files that list subjects first."""
        touched = {}
        for snap in sorted(snapshots, key=lambda s: (not s.listing, rank_of(s.source))):
            if snap.source == "contacts":
                self.contacts = snap.rows
            elif snap.listing:
                self.load_listing(snap, touched)
            else:
                self.load_sends(snap)
        # the statuses that this as-of said, as merged
        for subject, as_of in touched.values():
            status = subject.get("status")
            said = "status" in subject.fields and subject.fields["status"][1] == as_of
            if subject.gone:
                subject.gone = False
                said = True
            if said:
                subject.history.append((as_of, status))
            self.after_load(subject)

    def load_listing(self, snap, touched):
        days = self.snapshots.setdefault(snap.source, [])
        if snap.as_of not in days:
            days.append(snap.as_of)
        for row in snap.rows:
            subject = self.subject_for(snap.source, row)
            touched[subject.number] = (subject, snap.as_of)
            subject.listed[snap.source] = snap.as_of
            for field, value in row.items():
                if field != "id":
                    subject.put(field, value, snap.as_of, snap.source)
            if row.get("last_sent") and row["last_sent"] <= snap.as_of + DAY:
                self.first_sends = self.first_sends or snap.as_of
            address = row.get("address")
            if address:
                old = self.by_address.get(address)
                if old is None or snap.as_of > old[1] or rank_of(snap.source) <= rank_of(old[2]):
                    self.by_address[address] = (subject, snap.as_of, snap.source)
                for field, value, as_of, source in self.waiting.pop(address, []):
                    subject.put(field, value, as_of, source)

    def load_sends(self, snap):
        self.first_sends = self.first_sends or snap.as_of
        for row in snap.rows:
            if row["address"] in self.by_address:
                self.by_address[row["address"]][0].put("last_sent", row["last_sent"], snap.as_of, snap.source)
            else:
                self.waiting.setdefault(row["address"], []).append(("last_sent", row["last_sent"], snap.as_of, snap.source))

    def after_load(self, s):
        if says_leaver(s.status):
            s.leaver_guess = guessed_leaver_anchor(s)
        self.fix_restore(s)

    def fix_restore(self, s):
        """Rule 6, restore: the anchor is fixed when first seen deleted; a deletion date learnt later replaces a guess."""
        if not says_deleted(s.status):
            s.restore_anchor, s.restore_guess, s.restore_since = None, False, None
            return
        first, before = s.stretch(says_deleted)
        # a date that was told before this deletion was seen is another one's (NOTES 2)
        told = s.get("deleted_at") if "deleted_at" in s.fields and s.fields["deleted_at"][1] >= first else None
        if s.restore_anchor is None or s.restore_since != first:
            s.restore_since = first
            s.restore_guess = told is None
            s.restore_anchor = told
            if s.restore_guess:
                near = [d for d in deadlines_of_an_account(s) if d <= first and (before is None or d >= before + DAY)]
                if near:
                    s.restore_anchor = min(near)       # "about"
                elif before is not None:
                    s.restore_anchor = before + DAY    # the day after the last as-of that did not say deleted
                else:
                    s.restore_anchor = first           # that as-of
        elif s.restore_guess and told is not None:
            s.restore_anchor, s.restore_guess = told, False

    def look_for_the_gone(self, today):
        """Rule 6: gone from two snapshots running of the only source that had it: deleted when a deadline of it has passed."""
        for s in self.subjects:
            if s.gone or len(s.listed) != 1:
                continue
            (source, last), = s.listed.items()
            later = [d for d in self.snapshots[source] if d > last]
            if len(later) < 2 or not says_live(s.status):
                continue
            ends = [found[1] for found in (self.dates(s, rule) for rule in LADDERS) if found]
            if any(end < today for end in ends):
                s.gone = True
                s.history.append((max(later), GONE))
                self.fix_restore(s)

    def dates(self, s, rule):
        """Rule 6: (anchor, deadline) of a subject for a rule; None where the rule does not apply or has no date."""
        user, live = s.kind == "user", says_live(s.status)
        never_used = s.last_activity is None
        anchor = None
        if rule in ("inactivity", "activation"):
            if user and live and (rule == "activation") == (never_used and s.get("aup") is False):
                anchor = s.get("created") if never_used else s.last_activity
            return anchor and (anchor, anchor + 60 * DAY)
        if rule == "password":
            if user and live and not s.get("password_never_expires"):
                anchor = s.get("password_changed")
            return anchor and (anchor, anchor + 365 * DAY)
        if rule == "leaver":
            if s.kind in ("user", "application") and live and says_leaver(s.status):
                anchor = s.get("leaver_at") or guessed_leaver_anchor(s)
            return anchor and (anchor, anchor + 30 * DAY)
        if rule == "restore":
            if s.kind != "resource" and says_deleted(s.status) and not says_permanent(s.status):
                anchor = s.restore_anchor
            return anchor and (anchor, anchor + 30 * DAY)
        if rule == "shared_mailbox":
            if s.kind == "shared" and live and self.first_sends:
                anchor = s.last_sent or max(self.first_sends, s.get("created") or self.first_sends)
            return anchor and (anchor, add_months(anchor, 6))
        raise ValueError(rule)


def guessed_leaver_anchor(s):
    """Rule 6, leaver: the day after the last as-of that did not say so, or else the first that did ("at least")."""
    first, before = s.stretch(says_leaver, ignore=GONE)
    return first if before is None else before + DAY


def deadlines_of_an_account(s):
    """Rule 6, restore: the account's inactivity, activation and (last known) leaver deadlines."""
    ends = []
    if s.kind == "user":  # inactivity, or activation in its place: the same sum
        anchor = s.last_activity or s.get("created")
        if anchor:
            ends.append(anchor + 60 * DAY)
    if s.kind in ("user", "application"):
        anchor = s.get("leaver_at") or s.leaver_guess
        if anchor:
            ends.append(anchor + 30 * DAY)
    return ends


# ----------------------------------------------------------------------------------------------------- who is told (rules 13 to 15, 17)

class People:
    """One day's view of addresses, subjects and contacts."""

    def __init__(self, world, today, operator):
        self.world, self.today, self.operator = world, today, operator
        self.known = {}  # current address -> subject; of two the one listed under it last
        for s in world.subjects:
            if s.address:
                other = self.known.get(s.address)
                if other is None or self.newer(s, other):
                    self.known[s.address] = s

    @staticmethod
    def newer(a, b):
        (_, day_a, source_a), (_, day_b, source_b) = a.fields["address"], b.fields["address"]
        if day_a != day_b:
            return day_a > day_b
        if source_a != source_b:
            return rank_of(source_a) < rank_of(source_b)
        return a.number > b.number

    def is_active_user(self, address):
        s = self.known.get(address)
        return s is not None and s.kind == "user" and says_live(s.status) and s.last_activity is not None and (self.today - s.last_activity).days <= 28

    def is_read(self, address):
        """Rule 13."""
        s = self.known.get(address)
        if s is None:
            return address.rpartition("@")[2] not in COVERED_DOMAINS
        if s.kind == "shared":
            return says_live(s.status) and any(self.is_active_user(r["address"]) for r in self.rows({address}, ("owner", "member")))
        return self.is_active_user(address)

    def is_left_out(self, address):
        """Rule 14: a deleted or disabled account or shared mailbox."""
        s = self.known.get(address)
        return s is not None and s.kind != "resource" and (says_deleted(s.status) or says_disabled(s.status))

    def rows(self, mailboxes, roles):
        return [r for r in self.world.contacts if r["role"] in roles and r["mailbox"] in mailboxes and r["address"]]

    def mailboxes(self, s):
        """Rule 14."""
        if s.kind == "shared":
            return {s.address}
        listed = {r["mailbox"] for r in self.world.contacts if r["address"] == s.address and r["mailbox"] and r["role"] in ("owner", "member")}
        site = set()
        if s.ods:
            site = {r["mailbox"] for r in self.world.contacts if r["ods"] == s.ods and r["mailbox"]}
            if not site:
                exported = [m for m in self.world.subjects if m.kind == "shared" and m.ods == s.ods and not self.is_left_out(m.address)]
                if len(exported) == 1:
                    site = {exported[0].address}
        return listed | site

    def alternate(self, s):
        if s.kind == "shared":
            return None
        return next((r["alternate"] for r in self.world.contacts if r["address"] == s.address and r["alternate"]), None)

    def rung(self, name, s):
        if name == "user":
            return [] if s.kind == "shared" else [a for a in (s.address, self.alternate(s)) if a]
        if name == "owners":
            return [r["address"] for r in self.rows(self.mailboxes(s), ("owner",))]
        if name == "members":
            return [r["address"] for r in self.rows(self.mailboxes(s), ("member",))]
        if name == "site mailbox":
            return sorted(self.mailboxes(s))
        if name == "site contact":
            return [r["address"] for r in self.world.contacts if r["role"] == "site" and s.ods and r["ods"] == s.ods and r["address"]]
        return [self.operator]

    def recipients(self, s, rule, stage):
        """Rules 14 and 15: {address: reason}."""
        def addresses(rung):
            found = [a for a in self.rung(rung, s) if not self.is_left_out(a)]
            if rule == "activation" and stage.name != "welcome":
                found = [a for a in found if a != s.address]  # a never-used account's own address after `welcome`
            return found

        not_counted = {s.address, self.alternate(s)} if rule == "leaver" else set()

        def someone_reads():
            return any(a != self.operator and a not in not_counted and self.is_read(a) for a in told)

        told = {}
        for rung in stage.audience:
            for a in addresses(rung):
                told[a] = "repeat" if stage.is_repeat else "stage_reached"
        for rung in RUNGS:  # rule 15
            if someone_reads():
                break
            if rung not in stage.audience:
                for a in addresses(rung):
                    told.setdefault(a, "reach")
        return told


# ----------------------------------------------------------------------------------------------------------- the daily run (rules 6 to 12)

class Episode:
    def __init__(self, opened_on, anchor, deletion):
        self.opened_on, self.anchor, self.deletion = opened_on, anchor, deletion
        self.settled = set()  # names of stages told or passed over


class Finding:
    def __init__(self, subject, rule, anchor, deadline, reached):
        self.subject, self.rule, self.anchor, self.deadline, self.reached = subject, rule, anchor, deadline, reached


class Replay:
    def __init__(self, operator):
        self.world, self.operator, self.episodes = World(), operator, {}

    def run(self, today):
        self.world.look_for_the_gone(today)
        people = People(self.world, today, self.operator)
        notices = []
        for s in self.world.subjects:
            notices += self.run_subject(s, today, people)
        return messages(notices, today, self.operator, people)

    def run_subject(self, s, today, people):
        if says_in_flight(s.status):
            return []  # rule 6: the subject's episodes rest
        findings = {}
        for rule, ladder in LADDERS.items():
            if s.kind == "unknown" and rule != "restore":
                continue  # rule 6
            dates = self.world.dates(s, rule)
            if dates:
                reached = [st for st in ladder if fires_on(st, *dates) <= today]  # rule 8
                if reached:
                    findings[rule] = Finding(s, rule, *dates, reached)
        for rule in LADDERS:
            self.keep_episode(s, rule, findings.get(rule), today)
        # rule 6, outrun
        earliest = min((f.deadline for f in findings.values() if f.rule in ("inactivity", "activation", "leaver") and f.deadline >= today), default=None)
        notices = []
        for f in findings.values():
            if f.rule in ("inactivity", "activation", "password") and earliest is not None and f.deadline > earliest:
                continue
            notices += self.due(f, today, people)
        return notices

    def keep_episode(self, s, rule, finding, today):
        """Rule 10."""
        key = (s.number, rule)
        if finding is None:
            self.episodes.pop(key, None)
            return
        episode = self.episodes.get(key)
        if episode is not None and finding.anchor > episode.anchor + 7 * DAY:
            # a deletion date that replaces a guess keeps the episode (rule 6)
            if not (rule == "restore" and episode.deletion == s.restore_since):
                episode = None
        if episode is None:
            self.episodes[key] = Episode(today, finding.anchor, s.restore_since if rule == "restore" else None)
        elif rule == "restore":
            episode.deletion = s.restore_since

    def due(self, f, today, people):
        if today > f.deadline and f.rule not in ("password", "shared_mailbox"):
            return []  # rule 6
        episode = self.episodes[(f.subject.number, f.rule)]
        # rule 9: the latest nominal_on; equal: the later in the ladder
        tightest = max(f.reached, key=lambda st: (nominal_on(st, f.anchor, f.deadline), st.position))
        if tightest.name in episode.settled:
            return []
        if is_closed(today) and not tightest.any_day:
            return []  # rules 8 and 9: it waits, and no wider one is sent in its place
        episode.settled.update(st.name for st in f.reached)  # told, and the wider ones passed over
        return [{"finding": f, "stage": tightest, "recipient": recipient, "reason": reason, "episode_on": episode.opened_on}
                for recipient, reason in people.recipients(f.subject, f.rule, tightest).items()]


def messages(notices, today, operator, people):
    """Rule 17."""
    groups = {}
    for n in notices:
        s, stage, recipient = n["finding"].subject, n["stage"], n["recipient"]
        alone = (s.number, n["finding"].rule, stage.name) if stage.alone else ()
        if recipient == operator:
            key = ("operator", recipient, (), ())
        elif s.kind != "shared" and recipient in (s.address, people.alternate(s)):
            key = ("letter", recipient, s.number, alone)
        else:
            key = ("digest", recipient, (), alone)
        groups.setdefault(key, []).append(n)
    lines = []
    for (kind, recipient, _, _), members in groups.items():
        listed = [{
            "subject": n["finding"].subject.address, "rule": n["finding"].rule, "stage": n["stage"].name,
            "anchor_on": n["finding"].anchor.isoformat(), "deadline_on": n["finding"].deadline.isoformat(),
            "episode_on": n["episode_on"].isoformat(), "reason": n["reason"],
        } for n in members]
        listed.sort(key=notice_order)
        lines.append({"on": today.isoformat(), "recipient": recipient, "kind": kind, "notices": listed, "held": False})
    lines.sort(key=lambda m: (m["on"], m["recipient"], m["kind"], notice_order(m["notices"][0])))
    return lines


def notice_order(n):
    return (n["deadline_on"], n["subject"], n["rule"], n["stage"])


def replay(directory, start, end, operator="operator@example.org"):
    """The last paragraph of the contract: files load on the day of their as-of, before that day's run."""
    by_day, undated = {}, []
    for path in sorted(pathlib.Path(directory).iterdir()):
        snap = read_file(path) if path.is_file() else None
        if snap is None:
            continue
        if snap.as_of is None:
            undated.append(snap)
        elif snap.as_of <= end:
            by_day.setdefault(snap.as_of, []).append(snap)
    r = Replay(operator)
    for snap in undated:
        snap.as_of = dt.date.min
        if snap.source == "contacts":
            r.world.contacts = snap.rows
    for day in sorted(d for d in by_day if d < start):
        r.world.load_day(by_day[day])
        r.world.look_for_the_gone(day)
    lines, today = [], start
    while today <= end:
        if today in by_day:
            r.world.load_day(by_day[today])
        lines += r.run(today)
        today += DAY
    return lines


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("--snapshots", required=True, type=pathlib.Path)
    a.add_argument("--from", dest="start", required=True, type=dt.date.fromisoformat)
    a.add_argument("--to", dest="end", required=True, type=dt.date.fromisoformat)
    a.add_argument("--operator", default="operator@example.org")
    a = a.parse_args()
    for line in replay(a.snapshots, a.start, a.end, a.operator):
        print(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Hand-worked examples for reference.py, one or more for each rule. Run: python3 tests/reference/test_reference.py"""
import csv
import datetime as dt
import json
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import make_exports  # noqa: E402
import reference  # noqa: E402

OP = "operator@example.org"
ADA, BEN, BOX = "ada@nhs.net", "ben@nhs.net", "box@nhs.net"


def d(text):
    return dt.date.fromisoformat(text)


def uk(text):
    return d(text).strftime("%d/%m/%Y 00:00") if text else ""


class Case(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.dir = pathlib.Path(self.scratch.name)

    def tearDown(self):
        self.scratch.cleanup()

    # ---- writing exports
    def portal(self, day, *rows):
        with open(self.dir / f"{day} Mailbox Report.csv", "w", newline="", encoding="utf-8-sig") as f:
            w = csv.DictWriter(f, make_exports.PORTAL, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
            w.writeheader()
            w.writerows({**dict.fromkeys(make_exports.PORTAL, ""), **r} for r in rows)

    def user(self, address, last="", created="2020-01-01", status="Active", kind="User", leaver="", ods="", id=None, app=False, aup="True"):
        return {"Id": id or "id-" + address, "EmailAddress": address, "UserPrincipalName": address, "MailboxType": kind, "Status": status, "CreatedOn": uk(created),
                "LastLogIn": uk(last), "MarkAsLeaverDate": uk(leaver), "ODS Code": ods, "AccountType": "ApplicationAccount" if app else "", "AUPStatus": aup,
                "LastUpdated": "01/01/2026 08:00"}

    def shared(self, address=BOX, **more):
        return self.user(address, kind="Shared", aup="False", **more)

    def graph(self, day, *rows):
        (self.dir / f"{day} passwords.json").write_text(json.dumps({"value": list(rows)}))

    def sends(self, day, *rows):
        (self.dir / f"{day} sends.csv").write_text("SenderAddress,Received,Status\n" + "".join(f"{a},{t},{s}\n" for a, t, s in rows))

    def canonical(self, day, **values):
        with open(self.dir / f"{day} canonical.csv", "w", newline="") as f:
            w = csv.DictWriter(f, make_exports.CANONICAL)
            w.writeheader()
            w.writerow({**dict.fromkeys(make_exports.CANONICAL, ""), "source": "canonical", "as_of": day, **values})

    def contacts(self, *rows, name="site-contacts.csv"):
        """(ods, mailbox, address, role[, alternate])"""
        lines = [",".join(make_exports.CONTACTS)]
        for r in rows:
            ods, mailbox, address, role, alternate = (tuple(r) + ("",))[:5]
            lines.append(f"{ods},care,Site,{mailbox},{address},{role},{alternate},HELP")
        (self.dir / name).write_text("\n".join(lines) + "\n")

    # ---- reading the outcome
    def replay(self, start, end=None):
        return reference.replay(self.dir, d(start), d(end or start), OP)

    def told(self, start, end=None, recipient=None):
        """[(day, recipient, kind, stage)] in order, of one recipient if named."""
        return [(m["on"], m["recipient"], m["kind"], n["rule"] + "/" + n["stage"]) for m in self.replay(start, end) for n in m["notices"]
                if recipient in (None, m["recipient"])]

    def days(self, start, end, recipient, *rules):
        return [(on, stage) for on, _, _, stage in self.told(start, end, recipient) if not rules or stage.split("/")[0] in rules]


class Time(Case):
    def test_rule_2_an_instant_is_a_date_in_london(self):
        # 23:30 UTC on 30 June is 00:30 BST on 1 July; on 30 November it is the same day
        self.assertEqual(reference.civil("2026-06-30T23:30:00Z", reference.UTC), d("2026-07-01"))
        self.assertEqual(reference.civil("2026-11-30T23:30:00.1234567Z", reference.UTC), d("2026-11-30"))
        self.assertEqual(reference.civil("30/06/2026 23:30", reference.LONDON), d("2026-06-30"))

    def test_rule_3_months_take_the_last_day(self):
        self.assertEqual(reference.add_months(d("2026-08-31"), 6), d("2027-02-28"))
        self.assertEqual(reference.add_months(d("2027-08-31"), 6), d("2028-02-29"))
        self.assertEqual(reference.add_months(d("2026-10-31"), 4), d("2027-02-28"))
        self.assertEqual(reference.add_months(d("2026-12-15"), 1), d("2027-01-15"))

    def test_rule_4_closed_days(self):
        for day in ("2026-11-21", "2026-11-22", "2026-12-25", "2026-12-28", "2027-12-27", "2028-04-14", "2028-01-03"):
            self.assertTrue(reference.is_closed(d(day)), day)
        for day in ("2026-11-20", "2026-12-24", "2026-12-29", "2028-02-29"):
            self.assertFalse(reference.is_closed(d(day)), day)

    def test_six_holidays_or_more_in_each_year(self):
        for year in range(2024, 2029):
            self.assertEqual(sum(h.year == year for h in reference.BANK_HOLIDAYS), 8)


class Merging(Case):
    def test_rule_5_evidence_never_moves_back_and_a_blank_erases_nothing(self):
        # last log-in 1 Oct; later reports say 20 Sep and then nothing: 1 Oct + 21 = 22 Oct (a Thursday)
        self.portal("2026-10-02", self.user(ADA, "2026-10-01"))
        self.portal("2026-10-05", self.user(ADA, "2026-09-20"))
        self.portal("2026-10-06", self.user(ADA, ""))
        self.assertEqual(self.days("2026-10-02", "2026-10-30", ADA), [("2026-10-22", "inactivity/nudge")])

    def test_rule_5_a_date_more_than_a_day_ahead_is_bad(self):
        # 4 Oct is one day after the report of 3 Oct: good. 4 Oct + 21 = 25 Oct, a Sunday: Friday 23 Oct
        self.portal("2026-10-02", self.user(ADA, "2026-10-01"))
        self.portal("2026-10-03", self.user(ADA, "2026-10-04"))
        self.portal("2026-10-04", self.user(ADA, "2026-10-06"))
        self.assertEqual(self.days("2026-10-02", "2026-10-30", ADA), [("2026-10-23", "inactivity/nudge")])

    def test_rule_5_newest_as_of_then_rank(self):
        # both of one day say when it was created: Portal's 1 Sep wins over Graph's 3 Sep; never used: 1 Sep + 30 = 1 Oct
        self.portal("2026-09-10", self.user(ADA, created="2026-09-01"))
        self.graph("2026-09-10", {"id": "g", "userPrincipalName": "Ada@NHS.net", "createdDateTime": "2026-09-03T09:00:00Z"})
        (m,) = [m for m in self.replay("2026-10-01") if m["recipient"] == ADA]
        self.assertEqual(m["notices"][0]["anchor_on"], "2026-09-01")
        # a newer as-of of Graph wins over Portal's older one
        self.graph("2026-09-11", {"id": "g", "userPrincipalName": ADA, "createdDateTime": "2026-09-02T09:00:00Z"})
        (m,) = [m for m in self.replay("2026-10-02") if m["recipient"] == ADA]
        self.assertEqual(m["notices"][0]["anchor_on"], "2026-09-02")

    def test_rule_5_facts_wait_for_their_address(self):
        # the send of 10 Mar is loaded before the mailbox is listed: 10 Mar + 4 months = 10 Jul (a Friday)
        self.sends("2026-03-12", (BOX, "2026-03-10T09:00:00Z", "Delivered"))
        self.portal("2026-03-20", self.shared())
        self.contacts(("X1", BOX, "owner@example.com", "owner"))
        self.assertEqual(self.days("2026-03-12", "2026-07-12", "owner@example.com"), [("2026-07-10", "shared_mailbox/early")])

    def test_rule_5_the_same_id_is_the_same_account_under_a_new_address(self):
        # nudged on 22 Oct as ada@, so not again as eve@; + 30 = 31 Oct, a Saturday, states a fact: Monday 2 Nov
        self.portal("2026-10-02", self.user(ADA, "2026-10-01"))
        self.portal("2026-10-25", self.user("eve@nhs.net", "2026-10-01", id="id-" + ADA))
        self.assertEqual(self.days("2026-10-02", "2026-11-03", ADA), [("2026-10-22", "inactivity/nudge")])
        self.assertEqual(self.days("2026-10-02", "2026-11-03", "eve@nhs.net"), [("2026-11-02", "inactivity/inactive")])

    def test_rule_5_a_new_id_at_an_old_address_is_another_account(self):
        # the old one idle since 1 Sep; the new one used on 30 Oct, so at 20 Nov: + 21 for the new, and the old is past its deadline of 31 Oct
        self.portal("2026-10-01", self.user(ADA, "2026-09-01"))
        self.portal("2026-11-01", self.user(ADA, "2026-10-30", id="another"))
        (m,) = [m for m in self.replay("2026-11-20") if m["recipient"] == ADA]
        self.assertEqual([(n["anchor_on"], n["stage"]) for n in m["notices"]], [("2026-10-30", "nudge")])


class Findings(Case):
    def test_inactivity_ladder(self):
        # 1 Sep: + 21 = 22 Sep (Tue); + 30 = 1 Oct (Thu); + 45 = 16 Oct (Fri); + 53 = 24 Oct (Sat) so Fri 23; + 57 = 28 Oct (Wed); deadline 31 Oct
        self.portal("2026-09-02", self.user(ADA, "2026-09-01"))
        self.assertEqual(self.days("2026-09-02", "2026-12-31", ADA), [
            ("2026-09-22", "inactivity/nudge"), ("2026-10-01", "inactivity/inactive"), ("2026-10-16", "inactivity/warn"),
            ("2026-10-23", "inactivity/urgent"), ("2026-10-28", "inactivity/final")])

    def test_no_notice_after_the_deadline(self):
        self.portal("2026-10-30", self.user(ADA, "2026-09-01"))
        self.assertEqual(self.told("2026-11-01", "2026-11-10"), [])
        # on the deadline itself (31 Oct, a Saturday) `final` may still start
        self.assertEqual(self.days("2026-10-31", "2026-10-31", ADA), [("2026-10-31", "inactivity/final")])

    def test_application_accounts_are_exempt_but_leave(self):
        self.portal("2026-10-05", self.user(ADA, "2026-09-01", app=True), self.user(BEN, status="Active (Leaver)", leaver="2026-10-05", app=True))
        self.assertEqual({n[3] for n in self.told("2026-10-05")}, {"leaver/marked"})

    def test_activation_takes_the_place_of_inactivity(self):
        # created Tue 1 Sep, AUP not accepted, never used: welcome 8 Sep, remind 22 Sep. Its own address hears `welcome` only
        self.portal("2026-09-02", self.user(ADA, created="2026-09-01", aup="False"))
        self.contacts(("", "", ADA, "member", "home@example.org"))
        self.assertEqual(self.days("2026-09-02", "2026-09-30", ADA), [("2026-09-08", "activation/welcome")])
        self.assertEqual(self.days("2026-09-02", "2026-09-30", "home@example.org"), [("2026-09-08", "activation/welcome"), ("2026-09-22", "activation/remind")])

    def test_password(self):
        # changed 2 Dec 2025: deadline 2 Dec 2026. Before 30 d: 2 Nov (Mon); 14: 18 Nov (Wed); 7: 25 Nov (Wed); 0: 2 Dec (Wed), told once
        self.portal("2026-10-30", self.user(ADA, "2026-10-30"), self.user(BEN, "2026-10-30"))
        self.portal("2026-11-20", self.user(ADA, "2026-11-20"), self.user(BEN, "2026-11-20"))
        self.graph("2026-10-30", {"id": "1", "mail": ADA, "lastPasswordChangeDateTime": "2025-12-02T08:00:00Z"},
                   {"id": "2", "mail": BEN, "lastPasswordChangeDateTime": "2025-12-02T08:00:00Z", "passwordPolicies": "DisablePasswordExpiration"})
        self.assertEqual(self.days("2026-10-30", "2026-12-10", ADA), [
            ("2026-11-02", "password/early"), ("2026-11-18", "password/remind"), ("2026-11-25", "password/urgent"), ("2026-12-02", "password/expired")])
        self.assertEqual(self.days("2026-10-30", "2026-12-10", BEN), [])

    def test_an_expired_password_is_told_however_late(self):
        self.portal("2026-10-30", self.user(ADA, "2026-10-30"))
        self.graph("2026-10-30", {"id": "1", "mail": ADA, "lastPasswordChangeDateTime": "2025-01-02T08:00:00Z"})
        self.assertEqual(self.days("2026-10-30", "2026-11-05", ADA), [("2026-10-30", "password/expired")])

    def test_leaver_with_a_date(self):
        # marked Mon 5 Oct: 0; + 14 = Mon 19 Oct; + 23 = Wed 28 Oct; + 28 = Mon 2 Nov; deadline 4 Nov
        self.portal("2026-10-05", self.user(ADA, "2026-10-04", status="Active (Leaver)", leaver="2026-10-05"))
        self.assertEqual(self.days("2026-10-05", "2026-12-01", ADA, "leaver"), [
            ("2026-10-05", "leaver/marked"), ("2026-10-19", "leaver/remind"), ("2026-10-28", "leaver/urgent"), ("2026-11-02", "leaver/final")])

    def test_leaver_without_a_date(self):
        # last said to be no leaver on 1 Oct, said to be one on 6 Oct: from 2 Oct
        self.portal("2026-10-01", self.user(ADA, "2026-10-01"))
        self.portal("2026-10-06", self.user(ADA, "2026-10-01", status="Active (Leaver)"), self.user(BEN, "2026-10-01", status="Inactive (Leaver)"))
        anchors = {n["subject"]: n["anchor_on"] for m in self.replay("2026-10-06") for n in m["notices"]}
        self.assertEqual(anchors, {ADA: "2026-10-02", BEN: "2026-10-06"})  # Ben was never seen before: the first that did

    def test_restore_guesses(self):
        # Ada: idle since 1 Sep, deadline 31 Oct, seen alive 29 Oct and deleted 3 Nov: about 31 Oct
        # Ben: used 28 Oct; seen alive 29 Oct, deleted 3 Nov: no deadline within, so 30 Oct
        # Cat: deleted when first seen; idle since 1 Aug, deadline 30 Sep is not after that as-of: 30 Sep
        # Dan: deleted when first seen, used 1 Nov: that as-of
        # Eve: leaver from 2 Oct (unknown date, seen 1 Oct not), deadline 1 Nov; used 28 Oct: about 1 Nov
        self.portal("2026-10-01", self.user("eve@nhs.net", "2026-09-30"))
        self.portal("2026-10-29", self.user(ADA, "2026-09-01"), self.user(BEN, "2026-10-28"), self.user("eve@nhs.net", "2026-10-28", status="Active (Leaver)"))
        self.portal("2026-11-03", self.user(ADA, "2026-09-01", status="Deleted"), self.user(BEN, "2026-10-28", status="Deleted"),
                    self.user("cat@nhs.net", "2026-08-01", status="Deleted"), self.user("dan@nhs.net", "2026-11-01", status="Deleted"),
                    self.user("eve@nhs.net", "2026-10-28", status="Deleted"))
        world = reference.Replay(OP).world
        for name in sorted(p.name for p in self.dir.iterdir()):
            world.load_day([reference.read_file(self.dir / name)])
        self.assertEqual({s.address[:3]: str(s.restore_anchor) for s in world.subjects}, {
            "ada": "2026-10-31", "ben": "2026-10-30", "cat": "2026-09-30", "dan": "2026-11-03", "eve": "2026-11-01"})

    def test_restore_ladder_and_a_date_learnt_later(self):
        # seen alive Thu 1 Oct, deleted Fri 2 Oct: from 2 Oct, deadline Sun 1 Nov. On 6 Oct the date is learnt: 20 Sep, deadline Tue 20 Oct.
        # half: before 15 d = 5 Oct (passed), urgent: before 7 d = Tue 13 Oct, final: before 2 d = Sun 18 Oct, any day. Half is told on 6 Oct.
        self.portal("2026-10-01", self.user(ADA, "2026-09-30"))
        self.portal("2026-10-02", self.user(ADA, "2026-09-30", status="Deleted"))
        self.canonical("2026-10-06", address=ADA, deleted_at="2026-09-20")
        got = self.replay("2026-10-01", "2026-11-30")
        self.assertEqual([(m["on"], n["stage"], n["episode_on"]) for m in got for n in m["notices"] if m["recipient"] == OP], [
            ("2026-10-02", "deleted", "2026-10-02"), ("2026-10-06", "half", "2026-10-02"), ("2026-10-13", "urgent", "2026-10-02"), ("2026-10-18", "final", "2026-10-02")])

    def test_a_later_deletion_date_keeps_the_episode_too(self):
        # deleted when first seen on Fri 2 Oct, idle since 1 Jun: about 31 Jul. Learnt on 5 Oct: 1 Oct, 62 days later. The same episode.
        # about 31 Jul + 30 is over, so nothing is told before; then `deleted` from Thu 1 Oct is told on Mon 5 Oct
        self.portal("2026-10-02", self.user(ADA, "2026-06-01", status="Deleted"))
        self.canonical("2026-10-05", address=ADA, deleted_at="2026-10-01")
        got = self.replay("2026-10-02", "2026-10-09")
        self.assertEqual([(m["on"], n["stage"], n["anchor_on"], n["episode_on"]) for m in got for n in m["notices"]], [("2026-10-05", "deleted", "2026-10-01", "2026-10-02")])

    def test_permanently_deleted_ends_it(self):
        self.portal("2026-10-01", self.user(ADA, "2026-09-30"))
        self.portal("2026-10-02", self.user(ADA, status="Deleted"))
        self.portal("2026-10-05", self.user(ADA, status="Deleted_Permanent"))
        self.assertEqual(self.days("2026-10-01", "2026-11-30", OP), [("2026-10-02", "restore/deleted")])

    def test_shared_mailbox(self):
        # last sent Mon 31 Aug 2026 (23:40 UTC on the 30th is the 31st in London).
        # early + 4 m = 31 Dec (Thu); remind + 5 m = 31 Jan 2027 (Sun) so Fri 29 Jan; deadline 28 Feb; urgent before 2 weeks = 14 Feb (Sun) so Fri 12 Feb;
        # silent 28 Feb (Sun) so Mon 1 Mar; #2: 28 Mar (Sun; Mon 29 is Easter Monday) so Tue 30 Mar; #3: 28 Apr (Wed); no more
        self.portal("2026-09-01", self.shared())
        self.sends("2026-09-01", (BOX, "2026-08-30T23:40:00Z", "Delivered"), (BOX, "2026-08-31T23:59:00Z", "Failed"))
        self.contacts(("X1", BOX, "owner@example.com", "owner"), ("X1", BOX, "member@example.com", "member"))
        self.assertEqual(self.days("2026-09-01", "2027-08-31", "owner@example.com"), [
            ("2026-12-31", "shared_mailbox/early"), ("2027-01-29", "shared_mailbox/remind"), ("2027-02-12", "shared_mailbox/urgent"),
            ("2027-03-01", "shared_mailbox/silent"), ("2027-03-30", "shared_mailbox/silent#2"), ("2027-04-28", "shared_mailbox/silent#3")])
        reasons = {n["stage"]: n["reason"] for m in self.replay("2026-09-01", "2027-08-31") for n in m["notices"] if m["recipient"] == "owner@example.com"}
        self.assertEqual((reasons["silent"], reasons["silent#2"]), ("stage_reached", "repeat"))

    def test_shared_mailbox_without_a_send(self):
        # created long ago, sends first loaded on 10 Mar: from 10 Mar, + 4 months = Fri 10 Jul. Without a source of sends: nothing
        self.portal("2026-03-01", self.shared())
        self.contacts(("X1", BOX, "owner@example.com", "owner"))
        self.assertEqual(self.told("2026-03-01", "2026-12-31"), [])
        self.sends("2026-03-10", ("else@nhs.net", "2026-03-09T09:00:00Z", "Delivered"))
        self.assertEqual(self.days("2026-03-01", "2026-07-12", "owner@example.com"), [("2026-07-10", "shared_mailbox/early")])

    def test_in_flight_rests_and_goes_on(self):
        # idle since 1 Sep. nudge Tue 22 Sep. Pending 30 Sep to 4 Oct: `inactive` of 1 Oct is told on Mon 5 Oct, in the same episode
        self.portal("2026-09-02", self.user(ADA, "2026-09-01"))
        self.portal("2026-09-30", self.user(ADA, "2026-09-01", status="Pending"))
        self.portal("2026-10-05", self.user(ADA, "2026-09-01"))
        got = [(m["on"], n["stage"], n["episode_on"]) for m in self.replay("2026-09-02", "2026-10-10") for n in m["notices"] if m["recipient"] == ADA]
        self.assertEqual(got, [("2026-09-22", "nudge", "2026-09-22"), ("2026-10-05", "inactive", "2026-09-22")])

    def test_disabled_closes_and_a_return_starts_again(self):
        self.portal("2026-09-02", self.user(ADA, "2026-09-01"))
        self.portal("2026-09-23", self.user(ADA, "2026-09-01", status="Disabled"))
        self.portal("2026-09-24", self.user(ADA, "2026-09-01"))
        self.assertEqual(self.days("2026-09-02", "2026-09-28", ADA), [("2026-09-22", "inactivity/nudge"), ("2026-09-24", "inactivity/nudge")])

    def test_of_an_unknown_kind_only_restore_is_asked(self):
        self.graph("2026-10-01", {"id": "1", "mail": ADA, "createdDateTime": "2026-01-01T00:00:00Z", "lastPasswordChangeDateTime": "2025-01-01T00:00:00Z"})
        self.assertEqual(self.told("2026-10-01", "2026-10-04"), [])
        self.canonical("2026-10-05", address=ADA, status="Deleted")
        self.assertEqual([t[3] for t in self.told("2026-10-01", "2026-10-05")], ["restore/deleted"])

    def test_a_row_that_is_gone(self):
        # idle since 1 Sep, deadline 31 Oct. Gone from 30 Oct and 1 Nov: deleted, about 31 Oct (seen alive 29 Oct); told Mon 2 Nov
        self.portal("2026-10-29", self.user(ADA, "2026-09-01"), self.user(BEN, "2026-10-29"))
        self.portal("2026-10-30", self.user(BEN, "2026-10-29"))
        self.portal("2026-11-01", self.user(BEN, "2026-10-29"))
        got = [(m["on"], n["rule"], n["stage"], n["anchor_on"]) for m in self.replay("2026-10-29", "2026-11-03") for n in m["notices"] if m["recipient"] == OP]
        # before that the urgent stage (24 Oct, tightest final: 28 Oct) is told on 29 Oct
        self.assertEqual(got, [("2026-10-29", "inactivity", "final", "2026-09-01"), ("2026-11-02", "restore", "deleted", "2026-10-31")])

    def test_a_row_that_is_gone_but_two_sources_had_it(self):
        self.graph("2026-10-29", {"id": "1", "mail": ADA})
        self.portal("2026-10-29", self.user(ADA, "2026-09-01"))
        self.portal("2026-10-30")
        self.portal("2026-11-01")
        self.assertEqual({t[3] for t in self.told("2026-10-29", "2026-11-09")}, {"inactivity/final"})

    def test_outrun(self):
        # leaver from Thu 1 Oct, deadline 31 Oct. Idle since 1 Oct: inactivity's deadline 30 Nov is later, so silent until after 31 Oct.
        # On Sun 1 Nov that ends; `inactive` (31 Oct, a fact) fires Mon 2 Nov and is told; `nudge` of 22 Oct never was
        self.portal("2026-10-01", self.user(ADA, "2026-10-01", status="Active (Leaver)", leaver="2026-10-01"))
        self.assertEqual(self.days("2026-10-01", "2026-11-05", ADA, "inactivity"), [("2026-11-02", "inactivity/inactive")])
        first = [n["episode_on"] for m in self.replay("2026-10-01", "2026-11-05") for n in m["notices"] if n["rule"] == "inactivity"]
        self.assertEqual(set(first), {"2026-10-22"})  # the episode opened as usual


class Stages(Case):
    def test_rule_7_a_warning_moves_before_a_fact_after(self):
        # 4 Dec + 21 = Fri 25 Dec: Thu 24 Dec. 26 Nov + 30 = Sat 26 Dec; Mon 28 is the substitute: Tue 29 Dec
        self.portal("2026-12-05", self.user(ADA, "2026-12-04"), self.user(BEN, "2026-11-26"))
        self.assertEqual(self.days("2026-12-18", "2026-12-31", ADA), [("2026-12-24", "inactivity/nudge")])
        self.assertEqual(self.days("2026-12-18", "2026-12-31", BEN), [("2026-12-18", "inactivity/nudge"), ("2026-12-29", "inactivity/inactive")])

    def test_rules_8_and_9_on_a_closed_day(self):
        # first seen Sat 24 Oct; idle since 1 Sep: urgent (Sat 24 Oct, fires Fri 23 Oct) must wait; warn is not sent in its place; Mon 26 Oct
        self.portal("2026-10-24", self.user(ADA, "2026-09-01"))
        self.assertEqual(self.days("2026-10-24", "2026-10-27", ADA), [("2026-10-26", "inactivity/urgent")])
        # and where `final` is reached by then only it is told: first seen Sun 25 Oct with 30 Aug as the last day (26 Oct = + 57, a Monday)
        self.portal("2026-10-25", self.user(BEN, "2026-08-29"))  # + 57 = Sun 25 Oct
        self.assertEqual(self.days("2026-10-24", "2026-10-27", BEN), [("2026-10-25", "inactivity/final")])

    def test_rule_9_only_the_tightest_and_passed_over_stays_so(self):
        # first seen 46 days idle (1 Sep, 17 Oct is a Saturday; Fri 16 Oct is day 45): warn. Then the last day moves on by 5: warn is not
        # reached until 21 Oct, `inactive` is the tightest but was passed over; urgent: 6 Sep + 53 = 29 Oct
        self.portal("2026-10-16", self.user(ADA, "2026-09-01"))
        self.portal("2026-10-17", self.user(ADA, "2026-09-06"))
        self.assertEqual(self.days("2026-10-16", "2026-10-30", ADA), [("2026-10-16", "inactivity/warn"), ("2026-10-29", "inactivity/urgent")])

    def test_rule_10_a_move_of_7_days_keeps_and_of_8_closes(self):
        # from 1 Sep: nudge Tue 22 Sep. On 5 Oct Ada's last day is 8 Sep (7 on), Ben's 9 Sep (8 on).
        # Ada: `inactive` was told on 1 Oct and stays told. Ben: a new episode; 9 Sep + 21 = 30 Sep, so nudge on 5 Oct
        self.portal("2026-09-02", self.user(ADA, "2026-09-01"), self.user(BEN, "2026-09-01"))
        self.portal("2026-10-05", self.user(ADA, "2026-09-08"), self.user(BEN, "2026-09-09"))
        # + 30: 8 Oct; + 30: 9 Oct
        self.assertEqual(self.days("2026-09-02", "2026-10-12", ADA), [("2026-09-22", "inactivity/nudge"), ("2026-10-01", "inactivity/inactive")])
        self.assertEqual(self.days("2026-09-02", "2026-10-12", BEN), [
            ("2026-09-22", "inactivity/nudge"), ("2026-10-01", "inactivity/inactive"), ("2026-10-05", "inactivity/nudge"), ("2026-10-09", "inactivity/inactive")])

    def test_rule_10_small_moves_are_measured_from_the_opening(self):
        # three moves of 4 days are 12 from the anchor it opened with
        self.portal("2026-09-02", self.user(ADA, "2026-09-01"))
        for day, last in (("2026-09-24", "2026-09-05"), ("2026-09-30", "2026-09-09")):
            self.portal(day, self.user(ADA, last))
        # at 30 Sep: 9 Sep lies 8 after 1 Sep; 9 Sep + 21 = 30 Sep: told at once in a new episode. On 24 Sep, 5 Sep + 21 = Sat 26 (Fri 25) is not
        # reached: the episode closes then; it opens again on Fri 25 Sep
        got = [(m["on"], n["stage"], n["episode_on"]) for m in self.replay("2026-09-02", "2026-10-01") for n in m["notices"] if m["recipient"] == ADA]
        self.assertEqual(got, [("2026-09-22", "nudge", "2026-09-22"), ("2026-09-25", "nudge", "2026-09-25")])

    def test_rule_12_a_missed_day_is_late_not_silent(self):
        self.portal("2026-09-02", self.user(ADA, "2026-09-01"))
        self.assertEqual(self.days("2026-10-20", "2026-10-20", ADA), [("2026-10-20", "inactivity/warn")])


class Audiences(Case):
    def owners(self, **ben):
        """Ada idle since 1 Sep with Ben as owner of the box; replay 16 Oct, `warn`."""
        self.portal("2026-10-15", self.user(ADA, "2026-09-01", ods="X1"), self.user(BEN, **ben), self.shared(ods="X1"))

    def recipients(self, day="2026-10-16", rule="inactivity"):
        return {m["recipient"]: m["kind"] for m in self.replay(day) for n in m["notices"] if n["rule"] == rule and n["subject"] == ADA}

    def test_rule_13_the_28th_day_counts(self):
        # Ben last used it on 18 Sep: 28 days before 16 Oct, read. On 17 Sep: 29, so the site contact and the operator join
        self.contacts(("X1", BOX, BEN, "owner"), ("X1", BOX, "boss@example.org", "site"))
        self.owners(last="2026-09-18")
        self.assertEqual(self.recipients(), {ADA: "letter", BEN: "digest", BOX: "digest"})
        self.owners(last="2026-09-17")
        self.assertEqual(self.recipients(), {ADA: "letter", BEN: "digest", BOX: "digest", "boss@example.org": "digest"})

    def test_rule_13_an_unlisted_covered_address_is_not_read(self):
        self.portal("2026-10-15", self.user(ADA, "2026-09-01", ods="X1"))
        self.contacts(("X1", BOX, "nobody@nhs.net", "owner"))
        self.assertEqual(set(self.recipients()), {ADA, "nobody@nhs.net", BOX, OP})
        self.contacts(("X1", BOX, "somebody@example.org", "owner"))
        self.assertEqual(set(self.recipients()), {ADA, "somebody@example.org", BOX})

    def test_rule_13_application_accounts_are_read_by_nobody(self):
        self.contacts(("X1", BOX, BEN, "owner"))
        self.owners(last="2026-10-14", app=True)
        self.assertEqual(set(self.recipients()), {ADA, BEN, BOX, OP})

    def test_rule_14_deleted_and_disabled_are_left_out(self):
        self.contacts(("X1", BOX, BEN, "owner"))
        for status in ("Deleted", "Disabled", "Deleted_Permanent"):
            self.owners(last="2026-10-14", status=status)
            self.assertEqual(set(self.recipients()), {ADA, BOX, OP}, status)

    def test_rule_14_mailboxes(self):
        # listed under far@, and its site's box by the code; V0 collapsed
        self.portal("2026-10-15", self.user(ADA, "2026-09-01", ods="V012345"))
        self.contacts(("V12345", BOX, "one@example.org", "owner"), ("X9", "far@nhs.net", ADA, "member"), ("X9", "far@nhs.net", "two@example.org", "owner"))
        self.assertEqual(set(self.recipients()), {ADA, BOX, "far@nhs.net", "one@example.org", "two@example.org"})

    def test_rule_14_the_single_mailbox_of_the_export(self):
        self.contacts(("X1", "", "boss@example.org", "site"))
        self.owners(last="2026-10-14")
        self.assertEqual(set(self.recipients()), {ADA, BOX, "boss@example.org"})
        self.portal("2026-10-15", self.user(ADA, "2026-09-01", ods="X1"), self.shared(ods="X1"), self.shared("second@nhs.net", ods="X1"))
        self.assertEqual(set(self.recipients()), {ADA, "boss@example.org"})

    def test_rule_14_admin_rows_are_no_audience(self):
        self.contacts(("X1", BOX, "desk@example.org", "admin"))
        self.owners(last="2026-10-14")
        self.assertEqual(set(self.recipients()), {ADA, BOX, OP})

    def test_rule_15_whole_rungs_join_in_order(self):
        # `nudge` is for the user, who has not been in for 29 days: owners (idle), the box (its member is read): stops there
        self.portal("2026-09-29", self.user(ADA, "2026-08-31", ods="X1"), self.user(BEN, "2026-08-01"), self.user("cat@nhs.net", "2026-09-28"), self.shared(ods="X1"))
        self.contacts(("X1", BOX, BEN, "owner"), ("X1", BOX, "cat@nhs.net", "member"), ("X1", BOX, "boss@example.org", "site"))
        reasons = {m["recipient"]: n["reason"] for m in self.replay("2026-09-29") for n in m["notices"] if n["subject"] == ADA}
        self.assertEqual(reasons, {ADA: "stage_reached", BEN: "reach", BOX: "reach"})

    def test_rule_15_a_leaver_does_not_count(self):
        self.portal("2026-10-05", self.user(ADA, "2026-10-04", status="Active (Leaver)", leaver="2026-10-05", ods="X1"))
        self.contacts(("X1", BOX, ADA, "owner", "home@example.org"), ("X1", BOX, "mate@example.org", "member"), ("X1", "", "boss@example.org", "site"))
        self.assertEqual(set(self.recipients("2026-10-05", "leaver")), {ADA, "home@example.org", OP, BOX, "mate@example.org"})

    def test_rule_17_letters_digests_and_messages_of_their_own(self):
        # Ada and Ben share an alternate address: two letters to it. Both warn on 16 Oct: one digest to the owner, one to the box
        home, boss = "home@example.org", "boss@example.org"
        self.portal("2026-10-15", self.user(ADA, "2026-09-01", ods="X1"), self.user(BEN, "2026-09-01", ods="X1"), self.shared(ods="X1"))
        self.contacts(("X1", BOX, ADA, "member", home), ("X1", BOX, BEN, "member", home), ("X1", BOX, boss, "owner"))
        shape = [(m["recipient"], m["kind"], [n["subject"] for n in m["notices"]]) for m in self.replay("2026-10-16")]
        self.assertEqual(shape, [(ADA, "letter", [ADA]), (BEN, "letter", [BEN]), (boss, "digest", [ADA, BEN]), (BOX, "digest", [ADA, BEN]),
                                 (home, "letter", [ADA]), (home, "letter", [BEN])])
        # on 28 Oct `final`, alone: each a message of its own, but for the operator, who gets one
        shape = [(m["recipient"], m["kind"], len(m["notices"])) for m in self.replay("2026-10-28")]
        self.assertEqual(shape, [(ADA, "letter", 1), (BEN, "letter", 1), (boss, "digest", 1), (boss, "digest", 1), (BOX, "digest", 1), (BOX, "digest", 1),
                                 (home, "letter", 1), (home, "letter", 1), (OP, "operator", 2)])

    def test_rule_17_one_notice_although_two_rungs_name_the_recipient(self):
        self.portal("2026-10-15", self.user(ADA, "2026-09-01", ods="X1"), self.shared(ods="X1"))
        self.contacts(("X1", BOX, ADA, "owner"), ("X1", BOX, "a@example.org", "owner"), ("X1", BOX, "a@example.org", "site"))
        told = [t[1] for t in self.told("2026-10-28")]  # final: user, owners, site mailbox, site contact, operator
        self.assertEqual(sorted(told), sorted([ADA, "a@example.org", BOX, OP]))


class Exports(Case):
    def test_the_same_arguments_give_the_same_bytes(self):
        for name in ("a", "b"):
            make_exports.World("7", 6, d("2026-11-20"), 30).write(self.dir / name)
        first, second = ({p.name: p.read_bytes() for p in (self.dir / n).iterdir()} for n in ("a", "b"))
        self.assertEqual(first, second)
        self.assertIn("site-contacts.csv", first)

    def test_files_later_than_the_last_day_are_never_loaded(self):
        self.portal("2026-10-15", self.user(ADA, "2026-09-01"))
        self.portal("2026-10-17", self.user(ADA, "2026-10-16"))
        self.assertEqual(self.days("2026-10-16", "2026-10-16", ADA), [("2026-10-16", "inactivity/warn")])

    def test_the_newest_update_dates_a_portal_report_without_a_date(self):
        self.portal("2026-10-15", {**self.user(ADA, "2026-09-01"), "LastUpdated": "15/10/2026 08:00"})
        (self.dir / "2026-10-15 Mailbox Report.csv").rename(self.dir / "Mailbox Report.csv")
        self.assertEqual(self.days("2026-10-14", "2026-10-16", ADA), [("2026-10-15", "inactivity/inactive"), ("2026-10-16", "inactivity/warn")])


if __name__ == "__main__":
    unittest.main()

"""What a person has to mend: it says so in one line, with an exit code, and the operator is told."""
import contextlib
import sqlite3

from box import wait_for
from checks import check
from house import SECRETS, STATE, UNIT

STORE = f"{STATE}/lapsewatch.db"


@check("without its secret it does not start, and says which file is wanted")
def without_secret(house):
    place = house.box.path(f"{SECRETS}/lapsewatch.client-secret")
    secret = place.read_text()
    house.must("systemctl", "stop", UNIT)
    place.unlink()
    try:
        said = fails_to_start(house)
        assert f"{SECRETS}/lapsewatch.client-secret" in said, said
        assert house.show("ExecMainStatus") == "3", house.last_words()
    finally:
        house.keep_secrets()
        comes_back(house)
    assert secret == place.read_text()


@check("with an inbox that it cannot read it does not start, and says which")
def without_inbox(house):
    inbox = house.box.path(f"{STATE}/inbox")
    house.must("systemctl", "stop", UNIT)
    owner = inbox.stat()
    house.must("chown", "root:root", f"{STATE}/inbox")
    house.must("chmod", "700", f"{STATE}/inbox")
    try:
        said = fails_to_start(house)
        assert "inbox" in said and "ermission denied" in said, said
    finally:
        house.must("chown", f"{owner.st_uid}:{owner.st_gid}", f"{STATE}/inbox")
        comes_back(house)


@check("with a store of a newer version it does not start, and leaves it as it is")
def with_newer_store(house):
    house.must("systemctl", "stop", UNIT)
    store = house.box.path(STORE)
    ours = store.read_bytes()
    store.write_bytes(of_a_newer_version(house, ours))
    mark = house.mark()
    try:
        said = fails_to_start(house)
        assert "newer lapsewatch" in said, said
        assert "status=5/" in house.journal(mark), house.journal(mark)
    finally:
        store.write_bytes(ours)
        comes_back(house)


@check("when the service has failed, the operator is told by mail what is wrong")
def tells_of_failure(house):
    before = len(house.told_of_failures())
    house.systemctl("reset-failed", "lapsewatch-failure@lapsewatch.service")
    house.must("systemctl", "stop", UNIT)
    house.configure(house.settings_for_work() + "\n[schedule]\nevaluate = \"whenever\"\n")
    try:
        fails_to_start(house)
        wait_for("the service to have failed", lambda: house.show("ActiveState") == "failed", seen=house.last_words)
        assert (house.show("Result"), house.show("ExecMainStatus")) == ("exit-code", "3"), house.last_words()
        wait_for("the operator's mail", lambda: len(house.told_of_failures()) > before, seen=house.last_words)
    finally:
        house.configure(house.settings_for_work())
        comes_back(house)
    told = house.told_of_failures()[before:]
    assert len(told) == 1, f"told {len(told)} times"
    said = told[0].get_body(("plain",)).get_content()
    assert "schedule.evaluate" in said, said


def of_a_newer_version(house, store):
    """The store with a migration that no version of ours has. SQLite itself would follow the way into the box wrongly."""
    copy = house.box.folder / "newer.db"
    copy.write_bytes(store)
    with contextlib.closing(sqlite3.connect(copy)) as database:
        database.execute("INSERT INTO _sqlx_migrations VALUES (9999, 'later', 0, 1, x'00', 0)")
        database.commit()
    return copy.read_bytes()


def fails_to_start(house):
    """Starts it in vain; what it says at the priority of errors. It may be tried again and again, so nobody waits."""
    mark = house.mark()
    house.must("systemctl", "start", "--no-block", UNIT)
    house.wait_for_journal("Main process exited", mark)
    return house.journal(mark, "-p", "err")


def comes_back(house):
    house.systemctl("stop", UNIT)
    house.systemctl("reset-failed", UNIT)
    house.must("systemctl", "start", UNIT)
    house.wait_until_active()

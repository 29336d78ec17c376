"""transaction(), claim(), insert_once(): what everything else relies on."""

import threading

import pytest
from sqlalchemy import func, select, update

from helpdesk import storage
from helpdesk.database import after_commit, claim, db, insert_once, once, transaction, utcnow
from helpdesk.models import Counter, Setting


def value(name):
    return db.session.scalar(select(Setting.value).where(Setting.name == name))


def test_a_transaction_commits_once_at_its_end(context):
    with transaction():
        db.session.add(Setting(name="colour", value="red"))
    db.session.remove()
    assert value("colour") == "red"


def test_an_error_leaves_nothing_and_wakes_nobody(context):
    woken = []
    with pytest.raises(ZeroDivisionError), transaction():
        db.session.add(Setting(name="colour", value="red"))
        after_commit(lambda: woken.append(1))
        db.session.flush()
        _ = 1 / 0
    assert value("colour") is None
    assert woken == []


def test_callbacks_run_after_the_commit(context):
    seen = []

    def look():
        with db.engine.connect() as other:
            seen.append(other.scalar(select(Setting.value).where(Setting.name == "colour")))

    with transaction():
        db.session.add(Setting(name="colour", value="red"))
        after_commit(look)
    assert seen == ["red"]


def test_writing_outside_a_transaction_is_refused(context):
    db.session.add(Setting(name="colour", value="red"))
    with pytest.raises(RuntimeError, match="outside"):
        db.session.flush()
    db.session.rollback()
    with pytest.raises(RuntimeError, match="outside"):
        db.session.execute(update(Counter).values(value=1))
    with pytest.raises(RuntimeError, match="inside"), transaction(), transaction():
        pass


def test_a_read_before_a_write_does_not_spoil_it(context):
    """On SQLite a read transaction that another writer overtook can never be turned into a write."""
    assert db.session.scalar(select(Counter.value)) == 0
    with db.engine.connect().execution_options(writes=True) as other, other.begin():
        other.execute(update(Counter).values(value=7))
    with transaction():
        assert (
            db.session.scalar(update(Counter).values(value=Counter.value + 1).returning(Counter.value)) == 8
        )


def test_what_a_page_asks_twice_is_read_once_and_never_older_than_its_read(context):
    count = lambda: db.session.scalar(select(func.count(Setting.name)))  # noqa: E731
    before = once("settings", count)
    assert once("settings", lambda: pytest.fail("asked twice")) == before
    with transaction():
        assert once("settings", count) == before
        db.session.add(Setting(name="one more", value=1))
        assert once("settings", count) == before + 1
    assert once("settings", count) == before + 1
    db.session.rollback()
    assert once("settings", lambda: "anew") == "anew"


def test_no_update_is_lost_between_threads(context):
    app = context

    def count():
        with app.app_context():
            for _ in range(25):
                with transaction():
                    counter = db.session.scalars(select(Counter).with_for_update()).one()
                    counter.value = counter.value + 1
            db.session.remove()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.session.scalar(select(Counter.value)) == 100


def test_only_the_first_claim_wins(context):
    with transaction():
        assert claim(Counter, Counter.name == "ticket", Counter.value == 0, value=1)
        assert not claim(Counter, Counter.name == "ticket", Counter.value == 0, value=1)


def test_insert_once_tells_a_duplicate(context):
    with transaction():
        assert insert_once(Setting, name="colour", value="red") is not None
        assert insert_once(Setting, name="colour", value="blue") is None
    assert value("colour") == "red"


def test_naive_datetimes_are_refused(context):
    with pytest.raises(Exception, match="naive"), transaction():
        insert_once(storage.Blob, sha256="x", size=1, is_file=False, created_at=utcnow().replace(tzinfo=None))


@pytest.mark.parametrize(
    "size", [0, 1, storage.LARGE_BYTES, storage.LARGE_BYTES + 1, 3 * storage.CHUNK_BYTES + 5]
)
def test_blobs_come_back_whole(context, size):
    data = bytes(range(256)) * (size // 256 + 1)
    blob = storage.stage(data[:size])
    with transaction():
        digest = storage.keep(blob)
        storage.keep(blob)
    assert storage.read(digest) == data[:size]
    assert storage.is_whole(db.session.get(storage.Blob, digest))


def test_a_changed_file_is_noticed(context):
    blob = storage.stage(b"x" * (storage.LARGE_BYTES + 1))
    with transaction():
        storage.keep(blob)
    if blob.data is not None:
        with transaction():
            db.session.execute(update(storage.BlobChunk).values(data=b"y"))
    else:
        storage.path_of(blob.sha256).write_bytes(b"y")
    with pytest.raises(storage.StorageError, match="changed"):
        storage.read(blob.sha256)
    assert not storage.is_whole(db.session.get(storage.Blob, blob.sha256))

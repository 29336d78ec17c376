"""Archives that rotted, were forged or hold more than the disk: a sentence, and nothing where the desk will be."""

import hashlib
import io
import json
import lzma
import random
import sqlite3
import tarfile

import pytest

from helpdesk.errors import InvalidInput
from helpdesk.services import backup, restore
from tests.cli.test_backup_commands import files_of, write_archive

DATABASE, MANIFEST = "helpdesk.sqlite3", "manifest.json"


@pytest.fixture(scope="module")
def whole(sqlite_template, tmp_path_factory):
    """The members of a good backup."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / DATABASE).write_bytes(sqlite_template.read_bytes())
    backup.write(folder, folder / "copy.tar")
    return files_of(folder / "copy.tar")


@pytest.fixture
def refused(whole, tmp_path):
    """Restore an archive; the sentence it is refused with. Anything but a refusal fails, as does anything left behind."""

    def attempt(archive):
        revision = json.loads(whole[MANIFEST])["revision"]
        with pytest.raises(InvalidInput) as error:
            restore.restore(archive, tmp_path / "again", revisions=frozenset({revision}))
        assert list((tmp_path / "again").iterdir()) == []
        return str(error.value)

    return attempt


def with_database(whole, data):
    """A manifest that vouches for any bytes as the database."""
    manifest = json.loads(whole[MANIFEST]) | {"database_sha256": hashlib.sha256(data).hexdigest()}
    return whole | {DATABASE: data, MANIFEST: json.dumps(manifest).encode()}


@pytest.mark.parametrize(
    "manifest",
    [
        b"[" * 60_000,
        b"[1]",
        b"\xff",
        b'{"format": ' + b"9" * 6000 + b"}",
        {"revision": ["0001"]},
        {"created_at": "today\x1b[2J"},
        {"created_at": None},
        {"tickets": "many"},
        {"format": [1]},
        {"tickets": "1" * 70_000},
    ],
    ids=str,
)
def test_a_manifest_that_is_none(whole, refused, tmp_path, manifest):
    if isinstance(manifest, dict):
        manifest = json.dumps(json.loads(whole[MANIFEST]) | manifest).encode()
    write_archive(tmp_path / "copy.tar.gz", whole | {MANIFEST: manifest})
    assert "not a backup" in refused(tmp_path / "copy.tar.gz")


def test_a_database_that_is_none_though_the_manifest_vouches_for_it(whole, refused, tmp_path):
    with sqlite3.connect(tmp_path / "other.db") as other:
        other.execute("CREATE TABLE something (id INTEGER)")
    broken_name = whole[DATABASE].replace(b"CREATE TABLE draft", b"CREATE TABLE \xc1raft")
    for data in (b"rubbish" * 1000, b"", (tmp_path / "other.db").read_bytes(), broken_name):
        write_archive(tmp_path / "copy.tar.gz", with_database(whole, data))
        assert refused(tmp_path / "copy.tar.gz") == "The database in the backup is damaged."


@pytest.mark.parametrize("compress", ["gz", "xz", "bz2"])
def test_bytes_that_rotted_within_a_compressed_archive(whole, refused, tmp_path, compress):
    path = tmp_path / f"copy.tar.{compress}"
    with tarfile.open(path, f"w:{compress}") as tar:
        for name, data in whole.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    good, chance = path.read_bytes(), random.Random(20261121)
    for _ in range(12):
        rotten = bytearray(good)
        at = chance.randrange(len(rotten) // 4, len(rotten) - 64)
        rotten[at : at + 16] = chance.randbytes(16)
        path.write_bytes(rotten)
        refused(path)


def test_a_small_file_that_unpacks_to_more_than_the_disk_holds(whole, refused, tmp_path):
    path = tmp_path / "copy.tar.xz"
    with lzma.open(path, "wb") as file:
        member = tarfile.TarInfo("blobs/00/" + "0" * 64)
        member.size = 2**60
        file.write(member.tobuf() + bytes(5_000_000))
    assert "not enough room" in refused(path)


@pytest.fixture
def good(whole, tmp_path):
    write_archive(tmp_path / "good.tar.gz", whole)
    return tmp_path / "good.tar.gz"


def restored(good, whole, instance):
    revision = json.loads(whole[MANIFEST])["revision"]
    return restore.restore(good, instance, revisions=frozenset({revision}), force=True)


def test_a_desk_whose_database_is_damaged_gets_its_backup_back(good, whole, tmp_path):
    """What backups are for."""
    instance = tmp_path / "desk"
    instance.mkdir()
    for name in (DATABASE, f"{DATABASE}-wal"):
        (instance / name).write_bytes(b"rubbish" * 1000)
    done = restored(good, whole, instance)
    assert (instance / DATABASE).read_bytes() == whole[DATABASE]
    assert not (instance / f"{DATABASE}-wal").exists()
    assert (done.aside / DATABASE).read_bytes() == b"rubbish" * 1000


def test_what_somebody_still_reads_is_put_aside_with_its_last_words(good, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(restore, "PATIENCE_S", 0.1)
    instance = tmp_path / "desk"
    instance.mkdir()
    (instance / DATABASE).write_bytes(whole[DATABASE])
    reader, writer = (sqlite3.connect(instance / DATABASE, isolation_level=None) for _ in range(2))
    reader.execute("PRAGMA journal_mode=WAL")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM ticket").fetchone()
    writer.execute("INSERT INTO setting (name, value) VALUES ('last words', '1')")
    done = restored(good, whole, instance)
    for connection in (reader, writer):
        connection.close()
    with sqlite3.connect(done.aside / DATABASE) as aside:
        assert aside.execute("SELECT value FROM setting WHERE name = 'last words'").fetchone() == (1,)
    with sqlite3.connect(instance / DATABASE) as now:
        assert now.execute("SELECT value FROM setting WHERE name = 'last words'").fetchone() is None

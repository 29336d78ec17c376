"""backup, restore and cleanup-emails."""

import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from helpdesk import storage
from helpdesk.cli.backup import restore_command
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import DigestEntry, EmailMessage, EmailPollLog
from helpdesk.models.mail import EmailState
from helpdesk.services import doctor, settings
from helpdesk.services.ingest import process, store
from tests import factories
from tests.conftest import ENVIRONMENT, make_app

PROJECT = Path(__file__).parent.parent.parent
LARGE = os.urandom(600_000)


def files_of(archive):
    with tarfile.open(archive) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def write_archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))


def take_mail(account, **values):
    email_id = store.store_raw(account, factories.make_mail(**values))
    process.drain()
    return email_id


@pytest.fixture
def desk(sqlite_template, tmp_path):
    """A desk on SQLite with a ticket whose file is large enough to lie in the folder."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "helpdesk.sqlite3").write_bytes(sqlite_template.read_bytes())
    (folder / "secret_key").write_text("k" * 48)
    app = make_app(folder)
    with app.app_context():
        take_mail(factories.make_account(), files=[("plan.bin", "application/octet-stream", LARGE)])
        db.session.remove()
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def backup(desk, *arguments):
    return desk.test_cli_runner().invoke(args=["backup", *map(str, arguments)])


def restore(file, folder, *arguments):
    """The command for a folder that need not be there."""
    runner = CliRunner(env={"INSTANCE_PATH": str(folder)})
    return runner.invoke(restore_command, [str(file), *arguments])


def restore_by_hand(file, folder):
    """As an operator runs it on a machine without any desk."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "helpdesk.cli.backup", "restore", str(file)],
        check=False, cwd=PROJECT, env=environ | {"INSTANCE_PATH": str(folder)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip


def test_a_desk_comes_back_whole_from_its_backup(desk, tmp_path):
    archive = tmp_path / "copy.tar.gz"
    result = backup(desk, archive)
    assert result.exit_code == 0, result.output
    assert "1 tickets" in result.output
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600

    again = tmp_path / "again"
    done = restore_by_hand(archive, again)
    assert done.returncode == 0, done.stderr
    assert (again / "secret_key").read_text() == "k" * 48
    assert stat.S_IMODE((again / "secret_key").stat().st_mode) == 0o600
    with make_app(again).app_context():
        assert doctor.examine() == []
        raw = db.session.scalar(select(EmailMessage.raw_sha256).where(EmailMessage.raw_sha256.is_not(None)))
        assert len(storage.read(raw)) > len(LARGE)
        db.session.remove()
        db.engine.dispose()


def test_a_backup_taken_while_somebody_writes_is_one_moment(desk, tmp_path):
    with desk.app_context(), transaction() as session:
        session.execute(update(EmailMessage).values(reason="half way"))
        result = backup(desk, tmp_path / "copy.tar")
        assert result.exit_code == 0, result.output
        session.rollback()
    (tmp_path / "db").write_bytes(files_of(tmp_path / "copy.tar")["helpdesk.sqlite3"])
    rows = sqlite3.connect(tmp_path / "db").execute("SELECT reason FROM email_message").fetchall()
    assert "half way" not in str(rows)


def test_a_folder_gets_a_file_named_by_the_time_and_nothing_is_overwritten(desk, tmp_path):
    assert backup(desk, tmp_path).exit_code == 0
    (archive,) = tmp_path.glob("helpdesk-*.tar.gz")
    before = archive.read_bytes()
    result = backup(desk, archive)
    assert result.exit_code == 1
    assert "exists already" in result.output
    assert archive.read_bytes() == before
    assert not list(tmp_path.glob(".backup-*"))


def test_a_place_that_cannot_be_written_gets_a_sentence(desk, tmp_path):
    result = backup(desk, tmp_path / "nowhere" / "copy.tar.gz")
    assert result.exit_code == 1
    assert "could not be written" in result.output


def test_a_damaged_file_of_the_desk_is_told_and_the_rest_is_saved(desk, tmp_path):
    with desk.app_context():
        sha256 = db.session.scalar(
            select(EmailMessage.raw_sha256).where(EmailMessage.raw_sha256.is_not(None))
        )
        storage.path_of(sha256).write_bytes(b"something else")
    result = backup(desk, tmp_path / "copy.tar.gz")
    assert result.exit_code == 1
    assert "missing or damaged" in result.output
    done = restore(tmp_path / "copy.tar.gz", tmp_path / "again")
    assert done.exit_code == 0
    assert "1 files were missing or damaged" in done.stderr


def test_a_desk_that_is_there_is_put_aside_only_with_force(desk, tmp_path):
    archive = tmp_path / "copy.tar.gz"
    backup(desk, archive)
    folder = tmp_path / "desk"
    with desk.app_context():
        take_mail(db.session.scalar(select(EmailMessage)).account, subject="After the backup")
        db.session.remove()
        db.engine.dispose()

    refused = restore(archive, folder)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    done = restore(archive, folder, "--force")
    assert done.exit_code == 0, done.stderr

    (aside,) = folder.glob("before-restore-*")
    count = "SELECT count(*) FROM ticket"
    assert sqlite3.connect(aside / "helpdesk.sqlite3").execute(count).fetchone() == (2,)
    assert sqlite3.connect(folder / "helpdesk.sqlite3").execute(count).fetchone() == (1,)


def test_mails_that_waited_are_not_sent_a_second_time_by_themselves(desk, tmp_path):
    """The acknowledgement waited when the backup was made; the desk has sent it since."""
    backup(desk, tmp_path / "copy.tar.gz")
    done = restore(tmp_path / "copy.tar.gz", tmp_path / "again")
    assert "Sending is held: 1 mails" in done.stdout
    again = make_app(tmp_path / "again")
    with again.app_context():
        assert settings.is_holding()
        result = again.test_cli_runner().invoke(args=["send-emails"])
        assert result.output == "Still waiting: 1\n"
        db.session.remove()
        db.engine.dispose()


def test_a_digest_that_gathered_before_the_backup_is_not_sent_a_second_time_by_itself(desk, tmp_path):
    with desk.app_context():
        nora = factories.make_agent()
        with transaction() as session:
            session.execute(update(EmailMessage).values(state=EmailState.SENT))
            for event_id in (1, 2):
                values = {"user_id": nora.id, "ticket_id": 1, "event_id": event_id, "created_at": utcnow()}
                session.add(DigestEntry(**values))
        db.session.remove()
    backup(desk, tmp_path / "copy.tar.gz")
    done = restore(tmp_path / "copy.tar.gz", tmp_path / "again")
    assert "Sending is held: 1 mails" in done.stdout


def test_a_desk_with_nothing_to_send_is_not_held(desk, tmp_path):
    with desk.app_context():
        with transaction() as session:
            session.execute(update(EmailMessage).values(state=EmailState.SENT))
        db.session.remove()
    backup(desk, tmp_path / "copy.tar.gz")
    done = restore(tmp_path / "copy.tar.gz", tmp_path / "again")
    assert "held" not in done.stdout
    with make_app(tmp_path / "again").app_context():
        assert not settings.is_holding()
        db.session.remove()
        db.engine.dispose()


def test_a_running_desk_is_not_replaced(desk, tmp_path):
    from helpdesk.cli.lock import hold

    backup(desk, tmp_path / "copy.tar.gz")
    with hold(tmp_path / "desk"):
        done = restore(tmp_path / "copy.tar.gz", tmp_path / "desk", "--force")
    assert done.exit_code == 1
    assert "Stop it first" in done.stderr


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"../evil": b"x"}, "not a backup"),
        ({"practice/../../evil": b"x"}, "not a backup"),
        ({"/etc/evil": b"x"}, "not a backup"),
        ({"manifest.json": b"{}"}, "not a backup"),
        ({"helpdesk.sqlite3": b"SQLite format 3\0"}, "damaged"),
        ({"manifest.json": None}, "not a backup"),
        ({"revision": "9999"}, "newer version"),
    ],
)
def test_what_is_no_whole_backup_changes_nothing(desk, tmp_path, change, sentence):
    backup(desk, tmp_path / "copy.tar.gz")
    members = files_of(tmp_path / "copy.tar.gz")
    if "revision" in change:
        manifest = json.loads(members["manifest.json"]) | change
        change = {"manifest.json": json.dumps(manifest).encode()}
    members |= change
    write_archive(
        tmp_path / "other.tar.gz", {name: data for name, data in members.items() if data is not None}
    )
    done = restore(tmp_path / "other.tar.gz", tmp_path / "again")
    assert done.exit_code == 1
    assert sentence in done.stderr
    assert [path.name for path in (tmp_path / "again").iterdir()] == ["desk.lock"]
    assert not list(tmp_path.rglob("evil"))


def test_a_file_cut_short_is_refused(desk, tmp_path):
    backup(desk, tmp_path / "copy.tar.gz")
    whole = (tmp_path / "copy.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    done = restore(tmp_path / "cut.tar.gz", tmp_path / "again")
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    assert "could not be restored" in done.stderr


def test_a_desk_on_postgresql_is_sent_to_its_own_tools(postgres_server, postgres_template, tmp_path):
    app = make_app(tmp_path, postgres_server.url(postgres_template))
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "x.tar")])
    assert result.exit_code == 1
    assert "pg_dump" in result.output
    assert ENVIRONMENT["SECRET_KEY"] not in result.output


# what is not kept for ever


@pytest.fixture
def run(app):
    return lambda *arguments: app.test_cli_runner().invoke(args=["cleanup-emails", *arguments])


def age(email_id, days, **values):
    with transaction() as session:
        session.execute(
            update(EmailMessage)
            .where(EmailMessage.id == email_id)
            .values(created_at=utcnow() - timedelta(days=days), **values)
        )


def age_blobs():
    with transaction() as session:
        session.execute(update(storage.Blob).values(created_at=utcnow() - timedelta(days=3)))


@pytest.fixture
def old_mail(app):
    """Ids of one old mail in a ticket, one young one, and an old one that waits for a person."""
    with app.app_context():
        account = factories.make_account()
        old, young = take_mail(account, subject="Old"), take_mail(account, subject="Young")
        waiting = take_mail(account, subject="Waiting")
        age(old, 366)
        age(young, 364)
        age(waiting, 366, state=EmailState.FAILED)
        with transaction() as session:
            started_at = utcnow() - timedelta(days=400)
            session.add(EmailPollLog(account_id=account.id, started_at=started_at))
            session.add(EmailPollLog(account_id=account.id, started_at=utcnow()))
        age_blobs()
        db.session.remove()
    return old, young, waiting


def raws(*email_ids):
    return [db.session.get(EmailMessage, email_id).raw_sha256 for email_id in email_ids]


def test_raw_mails_go_after_their_days_and_tickets_stay(app, run, old_mail):
    result = run()
    assert result.exit_code == 0, result.output
    assert "Raw mails: 1" in result.output
    assert "Poll logs: 1" in result.output
    with app.app_context():
        old, young, waiting = raws(*old_mail)
        assert old is None
        assert storage.read(young)
        assert storage.read(waiting)
        assert doctor.examine() == []
    shown = app.test_cli_runner().invoke(args=["show-ticket", "1", "--format", "json"])
    assert "It does not print." in shown.output


def test_looks_that_found_nothing_go_after_a_week(app, run):
    ago = utcnow() - timedelta(days=8)
    kept = [{"found": 1}, {"error": "It failed."}, {"warning": "It refused."}, {"finished_at": None}]
    with app.app_context():
        account_id = factories.make_account().id
        with transaction() as session:
            for values in ({}, *kept, {"started_at": utcnow() - timedelta(days=6)}):
                row = {"account_id": account_id, "started_at": ago, "finished_at": utcnow()} | values
                session.add(EmailPollLog(**row))
    assert "Poll logs: 1" in run().output
    with app.app_context():
        assert db.session.scalar(select(func.count(EmailPollLog.id))) == 5


def test_its_bytes_go_when_nothing_needs_them(app, run, old_mail):
    with app.app_context():
        (sha256,) = raws(old_mail[0])
    run()
    with app.app_context(), pytest.raises(storage.StorageError):
        storage.read(sha256)


def test_a_dry_run_counts_and_changes_nothing(app, run, old_mail):
    result = run("--dry-run")
    assert "Raw mails: 1" in result.output
    assert "Poll logs: 1" in result.output
    with app.app_context():
        assert all(raws(*old_mail))


def test_an_old_mail_is_still_known_when_it_comes_again(app, run, old_mail):
    with app.app_context():
        account = db.session.get(EmailMessage, old_mail[0]).account
        raw = factories.make_mail(subject="Once", message_id="<once@customer.example>")
        first = store.store_raw(account, raw)
        process.drain()
        age(first, 400)
        db.session.remove()
    run()
    with app.app_context():
        account = db.session.get(EmailMessage, old_mail[0]).account
        second = store.store_raw(account, raw)
        process.drain()
        assert second is None or db.session.get(EmailMessage, second).state is EmailState.DUPLICATE


def test_bytes_that_come_again_while_they_are_cleared_are_not_lost(desk, tmp_path):
    """The file is there when a mail is staged and gone when it is kept: that is refused, not half kept."""
    other = LARGE[::-1]
    with desk.app_context():
        with transaction():
            sha256 = storage.keep(storage.stage(other))
        age_blobs()
        path = storage.path_of(sha256)
        os.utime(path, (0, 0))
        staged = storage.stage(other)  # touches the file
        with transaction():
            assert not storage.drop(staged.sha256, utcnow() - timedelta(days=1))
        os.utime(path, (0, 0))
        with transaction():
            assert storage.drop(staged.sha256, utcnow() - timedelta(days=1))
        with pytest.raises(storage.StorageError), transaction():
            storage.keep(staged)
        with transaction():
            sha256 = storage.keep(storage.stage(other))
        assert storage.read(sha256) == other

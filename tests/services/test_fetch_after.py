"""What the server is told of taken mail: only after the commit, made up for when it was lost, never a second copy."""

import secrets

import pytest
from imapclient import IMAPClient
from sqlalchemy import select

from helpdesk.database import db, transaction
from helpdesk.errors import PermanentError, TransientError
from helpdesk.models import EmailAccount, EmailMessage, EmailPollLog, FetchCursor
from helpdesk.models.mail import AfterTaking
from helpdesk.services import fetch_after, keys
from helpdesk.services.fetch import fetch_account
from tests import factories
from tests.fakes import FakeSource
from tests.servers.fixtures import authority, dovecot, fault_proxy  # noqa: F401

CUT = TransientError("The connection to the mail server was lost.")
NO = PermanentError("%(host)s refuses to delete mails.", host="mail.example")


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def desk(context):
    """An account that moves what it took to “Done”, switched on with an empty mailbox."""
    account = factories.make_account(after_taking=AfterTaking.MOVE, move_to_folder="Done")
    source = FakeSource()
    assert fetch_account(account.id, source=source).error == ""
    source.calls.clear()
    return account.id, source


def add(source, count=1):
    return [source.add(factories.make_mail()) for _ in range(count)]


def told(source):
    return [call for call in source.calls if call[0] in {"mark_seen", "move", "copy", "delete"}]


def set_to(account_id, **values):
    with transaction() as session:
        account = session.get(EmailAccount, account_id)
        for name, value in values.items():
            setattr(account, name, value)


def owed():
    db.session.rollback()
    cursor = db.session.scalars(select(FetchCursor).execution_options(populate_existing=True)).one()
    return cursor.owed, cursor.owed_tries


def warnings():
    db.session.rollback()
    logs = db.session.scalars(select(EmailPollLog).order_by(EmailPollLog.id)).all()
    return [log.warning % log.warning_params for log in logs if log.warning]


def count_rows():
    db.session.rollback()
    return len(db.session.scalars(select(EmailMessage.id)).all())


def test_taken_mail_is_moved_after_the_commit(desk):
    account_id, source = desk
    add(source, 2)
    move = source.move

    def move_later(uids, folder):
        assert count_rows() == 2
        move(uids, folder)

    source.move = move_later
    assert fetch_account(account_id, source=source).taken == 2
    assert told(source) == [("mark_seen", (1, 2)), ("move", (1, 2), "Done")]
    assert (source.mails, len(source.elsewhere["Done"]), owed()) == ({}, 2, ({}, 0))


@pytest.mark.parametrize(
    ("step", "calls"),
    [
        (AfterTaking.SEEN, [("mark_seen", (1,))]),
        (AfterTaking.LEAVE, []),
        (AfterTaking.DELETE, [("delete", (1,))]),
    ],
)
def test_each_way_says_that_and_nothing_else(desk, step, calls):
    account_id, source = desk
    set_to(account_id, after_taking=step)
    add(source)
    assert fetch_account(account_id, source=source).taken == 1
    assert (told(source), owed()) == (calls, ({}, 0))


@pytest.mark.parametrize("step", [AfterTaking.MOVE, AfterTaking.DELETE])
def test_a_mail_stored_in_part_stays_as_it_is(desk, context, step):
    account_id, source = desk
    set_to(account_id, after_taking=step)
    context.config["EMAIL_MAX_MESSAGE_SIZE"] = 2000
    source.add(factories.make_mail(text="x" * 5000))
    assert fetch_account(account_id, source=source).taken == 1
    assert (told(source), list(source.mails), owed()) == ([], [1], ({}, 0))


def test_a_step_lost_with_the_process_is_made_up_for(desk):
    account_id, source = desk
    add(source)
    source.fail_once["move"] = Killed()
    with pytest.raises(Killed):
        fetch_account(account_id, source=source)
    assert owed() == ({"move": [1]}, 0)
    set_to(account_id, fetch_lease_until=None)
    assert fetch_account(account_id, source=source).found == 0
    assert (len(source.elsewhere["Done"]), source.mails, owed()) == (1, {}, ({}, 0))


def test_a_refused_move_is_one_warning_and_no_error(desk):
    account_id, source = desk
    add(source, 3)
    set_to(account_id, max_mails_per_poll=1)
    source.fail["move"] = NO
    result = fetch_account(account_id, source=source)
    assert (result.taken, result.error) == (3, "")
    assert len([call for call in told(source) if call[0] == "move"]) == 1
    assert warnings() == ["mail.example refuses to delete mails."]
    assert owed() == ({"move": [1, 2, 3]}, 1)
    source.fail.clear()
    fetch_account(account_id, source=source)
    assert (len(source.elsewhere["Done"]), owed()) == (3, ({}, 0))


def test_what_cannot_be_done_is_let_go_in_the_end(desk):
    account_id, source = desk
    add(source)
    source.fail["move"] = NO
    for _ in range(fetch_after.MOST_TRIES + 3):
        fetch_account(account_id, source=source)
    assert len([call for call in told(source) if call[0] == "move"]) == fetch_after.MOST_TRIES
    assert owed() == ({}, 0)


def test_without_move_a_refused_delete_leaves_one_copy(desk):
    """Copied, and the original cannot be deleted: it is never copied again, and new mail still comes in."""
    account_id, source = desk
    source.can_move = False
    add(source)
    source.fail["delete"] = NO
    for _ in range(fetch_after.MOST_TRIES + 3):
        assert fetch_account(account_id, source=source).error == ""
    assert (len(source.elsewhere["Done"]), list(source.mails)) == (1, [1])
    assert len(warnings()) == fetch_after.MOST_TRIES
    add(source)
    assert fetch_account(account_id, source=source).taken == 1


def test_without_move_a_mail_is_copied_and_deleted(desk):
    account_id, source = desk
    source.can_move = False
    add(source, 2)
    fetch_account(account_id, source=source)
    assert (len(source.elsewhere["Done"]), source.mails, owed()) == (2, {}, ({}, 0))


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_mail_whose_copy_may_exist_is_not_copied_again(desk, is_copied):
    account_id, source = desk
    source.can_move = False
    add(source)
    copy = source.copy

    def die(uids, folder):
        if is_copied:
            copy(uids, folder)
        raise Killed

    source.copy = die
    with pytest.raises(Killed):
        fetch_account(account_id, source=source)
    assert owed() == ({"copying": [1]}, 0)
    source.copy = copy
    set_to(account_id, fetch_lease_until=None)
    fetch_account(account_id, source=source)
    assert len(source.elsewhere.get("Done", [])) == is_copied
    assert (source.mails[1].is_seen, owed()) == (True, ({}, 0))


def test_a_refused_copy_is_tried_again(desk):
    account_id, source = desk
    source.can_move = False
    add(source)
    source.fail_once["copy"] = NO
    fetch_account(account_id, source=source)
    assert owed() == ({"move": [1]}, 1)
    fetch_account(account_id, source=source)
    assert (len(source.elsewhere["Done"]), source.mails, owed()) == (1, {}, ({}, 0))


def test_what_is_owed_under_old_numbers_is_forgotten(desk):
    account_id, source = desk
    add(source, 2)
    source.fail["move"] = CUT
    fetch_account(account_id, source=source)
    source.fail.clear()
    source.renumber()
    source.mails = {uid + 7: mail for uid, mail in source.mails.items()}
    source.next_uid = 10
    result = fetch_account(account_id, source=source)
    assert (result.taken, len(source.elsewhere["Done"])) == (2, 2)
    assert told(source)[-1] == ("move", (8, 9), "Done")


@pytest.mark.parametrize("target", ["INBOX", "inbox", "Forms"])
def test_mail_is_never_moved_to_where_it_is_read(desk, target):
    account_id, source = desk
    set_to(account_id, move_to_folder=target, other_folders=["Forms"])
    add(source)
    fetch_account(account_id, source=source)
    assert told(source) == [("mark_seen", (1,))]


@pytest.mark.parametrize(("marker", "upstream"), [(b"UID MOVE", True), (b"COPYUID", False)])
def test_a_real_server_cut_while_it_moves_ends_with_one_of_each(
    context,
    dovecot,  # noqa: F811
    fault_proxy,  # noqa: F811
    marker,
    upstream,
):
    """Before it has heard all of the command, and after it has done it but could not say so."""
    user = f"moves-{secrets.token_hex(4)}"
    proxy = fault_proxy(dovecot.port)
    account = factories.make_account(
        incoming_host="127.0.0.1", incoming_port=proxy.port, incoming_security="plain", source="env",
        incoming_username=user, incoming_password=keys.encrypt(dovecot.password),
        after_taking=AfterTaking.MOVE, move_to_folder="Erledigt/März",
    )  # fmt: skip
    for _ in range(3):
        dovecot.deliver(user, factories.make_mail())
    proxy.marker, proxy.upstream, proxy.cut_after = marker, upstream, 0
    first = fetch_account(account.id)
    assert (first.taken, first.error, count_rows()) == (3, "", 3)
    assert owed() == ({"move": [1, 2, 3]}, 1)
    proxy.heal()
    assert fetch_account(account.id, force=True).error == ""
    assert (dovecot.files(user), owed(), count_rows()) == ([], ({}, 0), 3)
    with IMAPClient("127.0.0.1", dovecot.port, ssl=False, timeout=10) as client:
        client.login(user, dovecot.password)
        assert client.select_folder("Erledigt/März")[b"EXISTS"] == 3


def test_each_folder_of_an_account_is_read(context):
    account = factories.make_account(other_folders=["Web form", "Gone"])
    sources = {name: FakeSource(folder=name) for name in ("INBOX", "Web form")}
    shown = FakeSource()

    def open_folder(name):
        if name not in sources:
            raise PermanentError("There is no folder %(folder)s in this mailbox.", folder=name)
        here = sources[name]
        for call in ("uids_after", "uids_since", "fetch", "mark_seen"):
            setattr(shown, call, getattr(here, call))
        return here.open_folder(name)

    shown.open_folder = open_folder
    fetch_account(account.id, source=shown)
    for source in sources.values():
        add(source, 2)
    result = fetch_account(account.id, source=shown, force=True)
    assert (result.taken, result.error) == (4, "There is no folder Gone in this mailbox.")
    keys = db.session.scalars(select(EmailMessage.transport_key).order_by(EmailMessage.id)).all()
    assert keys == ["INBOX/1/1", "INBOX/1/2", "Web form/1/1", "Web form/1/2"]
    assert all(mail.is_seen for source in sources.values() for mail in source.mails.values())


def test_a_copy_refused_half_way_is_repeated_only_for_the_rest(desk, monkeypatch):
    account_id, source = desk
    monkeypatch.setattr(fetch_after, "COPIED_AT_ONCE", 2)
    source.can_move = False
    add(source, 4)
    copy = source.copy

    def over_quota(uids, folder):
        if source.elsewhere.get(folder):
            raise NO
        copy(uids, folder)

    source.copy = over_quota
    fetch_account(account_id, source=source)
    source.copy = copy
    fetch_account(account_id, source=source)
    assert (len(source.elsewhere["Done"]), source.mails, owed()) == (4, {}, ({}, 0))

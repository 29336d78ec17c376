"""Customers: what stands open and what is done, settling a ticket, opening one."""

import hashlib
import html
import io
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest

from helpdesk import storage
from helpdesk.database import db, transaction, utcnow
from helpdesk.models import Event, Participant, Ticket, User
from helpdesk.policy.status import CommentKind, Status
from helpdesk.services import attachments, people, queries, settings
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Words
from tests import factories
from tests.web.conftest import browser, csrf_of, send

KEY = "f" * 24


@pytest.fixture
def jonas(app, desk):
    return browser(app, desk["customer"])


@pytest.fixture
def page(desk):
    return f"/my/tickets/{desk['ticket']}"


def set_status(app, desk, status, closed_days_ago=0):
    with app.app_context(), transaction():
        ticket = queries.by_number(desk["ticket"])
        changing.set_status(ticket, status, actor=None)
        if status is Status.CLOSED:
            ticket.closed_at = utcnow() - timedelta(days=closed_days_ago)


def stored(app, desk):
    """Status and public words of the ticket."""
    with app.app_context():
        ticket = queries.by_number(desk["ticket"])
        return ticket.status, [c.text for c in ticket.comments if c.kind is not CommentKind.NOTE]


def answer(app, desk, text):
    with app.app_context(), transaction():
        ticket, nora = queries.by_number(desk["ticket"]), db.session.get(User, desk["agent"])
        comments.add_reply(ticket, Words(text), actor=nora)


def new_ticket(client, key=KEY, files=(), **fields):
    data = {"subject": "No sound", "category": "Bug", "text": "The speaker is silent.", "form_key": key}
    data |= {"csrf_token": csrf_of(client, "/profile"), "attachments": list(files)} | fields
    return client.post("/my/tickets/new", data=data)


# the list


def test_open_and_done_stand_apart(app, desk, jonas):
    assert "Printer shows error 49" in jonas.get("/my/tickets").text
    set_status(app, desk, Status.RESOLVED)
    assert "Printer shows error 49" not in jonas.get("/my/tickets").text
    assert "Nothing is open" in jonas.get("/my/tickets").text
    assert "Printer shows error 49" in jonas.get("/my/tickets?show=done").text
    assert "Printer shows error 49" in jonas.get("/my/tickets?show=all").text
    assert jonas.get("/my/tickets?show=nonsense").status_code == 200


def test_status_is_the_customers_word(app, desk, jonas):
    for status, word in ((Status.IN_PROGRESS, "Open"), (Status.PENDING, "Waiting for you")):
        set_status(app, desk, status)
        text = jonas.get("/my/tickets").text
        assert f">{word}</span>" in text
        assert "In progress" not in text and "Pending" not in text


def test_somebody_without_tickets_is_told_what_to_do(app, desk):
    with app.app_context():
        lena = factories.make_customer("lena@new.example", "Lena").id
    text = browser(app, lena).get("/my/tickets").text
    assert "No tickets yet" in text and "/my/tickets/new" in text


def test_preview_shows_nothing_from_before_somebody_joined(app, desk):
    with app.app_context(), transaction():
        ticket, maria = queries.by_number(desk["ticket"]), db.session.get(User, desk["other_customer"])
        db.session.add(Participant(ticket_id=ticket.id, address_id=maria.addresses[0].id, role="cc",
                                   since=utcnow(), created_at=utcnow()))  # fmt: skip
    maria = browser(app, desk["other_customer"])
    text = maria.get("/my/tickets").text
    assert "Printer shows error 49" in text
    assert "More words" not in text
    answer(app, desk, "For both of you.")
    assert "For both of you." in maria.get("/my/tickets").text


def test_a_page_of_the_list_costs_the_same_few_statements_however_long_it_is(app, desk, jonas):
    from sqlalchemy import event

    def cost():
        seen = []
        with app.app_context():
            engine = db.engine
        event.listen(engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        jonas.get("/my/tickets")
        return len(seen)

    before = cost()
    with app.app_context():
        account = queries.by_number(desk["ticket"]).account
        for _ in range(5):
            factories.make_ticket(account)
    first = cost()  # both listeners hear it
    assert first <= before * 2


# one ticket


@pytest.mark.parametrize(
    "status, words",
    [
        (Status.NEW, "Your message has arrived"),
        (Status.IN_PROGRESS, "We are working on it"),
        (Status.PENDING, "We are waiting for you"),
        (Status.RESOLVED, "We think this is done"),
        (Status.CLOSED, "you can open it again if something is left"),
    ],
)
def test_page_says_where_it_stands_and_what_follows(app, desk, jonas, page, status, words):
    set_status(app, desk, status)
    assert words in jonas.get(page).text


def test_page_says_when_a_resolved_ticket_is_closed_by_itself(app, desk, jonas, page):
    set_status(app, desk, Status.RESOLVED)
    with app.app_context(), transaction():
        queries.by_number(desk["ticket"]).resolved_at = datetime(2150, 2, 20, 12, tzinfo=UTC)
    assert "Otherwise it is closed on February 27, 2150." in jonas.get(page).text
    with app.app_context(), transaction():
        settings.put("auto_close_days", 0)
    assert "Otherwise" not in jonas.get(page).text


def test_own_words_are_mine_and_answers_have_a_name(app, desk, jonas, page):
    answer(app, desk, "Switch it off and on.")
    text = jonas.get(page).text
    assert ">You</strong>" in text and ">Nora Keller</strong>" in text


def test_solved_closes_without_a_word(app, desk, jonas, page):
    before = stored(app, desk)[1]
    assert send(jonas, f"{page}/close", form_id=KEY, body="").location == page
    assert stored(app, desk) == (Status.CLOSED, before)
    with app.app_context():
        changed = [
            e for e in queries.history(queries.by_number(desk["ticket"])) if e.type.endswith("status_changed")
        ]
        assert [(e.data["after"], e.actor_id) for e in changed] == [("closed", desk["customer"])]


def test_thanks_while_closing_do_not_open_it_again(app, desk, jonas, page):
    set_status(app, desk, Status.RESOLVED)
    response = send(jonas, f"{page}/close", form_id=KEY, body="Thanks, it prints!")
    assert stored(app, desk)[0] is Status.CLOSED
    assert stored(app, desk)[1][-1] == "Thanks, it prints!"
    assert "The ticket is closed" in jonas.get(response.location).text
    with app.app_context():
        ticket = queries.by_number(desk["ticket"])
        assert (ticket.waiting_since, ticket.closed_at is None) == (None, False)


def test_closing_twice_says_it_once(app, desk, jonas, page):
    for _ in range(2):
        send(jonas, f"{page}/close", form_id=KEY, body="Thanks.")
    assert stored(app, desk)[1].count("Thanks.") == 1
    send(jonas, f"{page}/close", form_id="g" * 24, body="")
    assert stored(app, desk)[0] is Status.CLOSED


@pytest.mark.parametrize("status", [Status.RESOLVED, Status.CLOSED])
@pytest.mark.parametrize("body", ["", "It happens again."])
def test_what_is_done_can_be_opened_again(app, desk, jonas, page, status, body):
    set_status(app, desk, status, closed_days_ago=13)
    said = stored(app, desk)[1]
    assert send(jonas, f"{page}/reopen", form_id=KEY, body=body).status_code == 303
    assert stored(app, desk) == (Status.OPEN, said + [body] * bool(body))
    with app.app_context():
        assert queries.by_number(desk["ticket"]).waiting_since is not None


def test_reopening_an_open_ticket_adds_the_words_only(app, desk, jonas, page):
    set_status(app, desk, Status.PENDING)
    send(jonas, f"{page}/reopen", form_id=KEY, body="")
    assert stored(app, desk)[0] is Status.PENDING


def test_closed_long_ago_stays_closed_and_keeps_the_words(app, desk, jonas, page):
    set_status(app, desk, Status.CLOSED, closed_days_ago=15)
    text = jonas.get(page).text
    assert "Open it again" not in text
    response = send(jonas, f"{page}/reopen", form_id=KEY, body="But it happens again.")
    assert response.status_code == 409
    assert "closed too long ago" in response.text and "But it happens again." in response.text
    assert stored(app, desk)[0] is Status.CLOSED


def test_answer_to_what_was_closed_long_ago_opens_a_ticket_that_follows(app, desk, jonas, page):
    with app.app_context(), transaction():
        opening.join(
            queries.by_number(desk["ticket"]), people.address_for("boss@customer.example"), role="cc"
        )
    set_status(app, desk, Status.CLOSED, closed_days_ago=15)
    before = stored(app, desk)
    assert "a new ticket opens that follows it" in jonas.get(page).text
    assert send(jonas, f"{page}/answer", form_id=KEY, body=" ").status_code == 422
    response = send(jonas, f"{page}/answer", form_id=KEY, body="It happens again.")
    assert send(jonas, f"{page}/answer", form_id=KEY, body="It happens again.").location == response.location
    assert "your answer opened this new one" in jonas.get(response.location).text
    assert f'<a href="{page}">' in jonas.get(response.location).text
    assert f'<a href="{page}">' not in jonas.get(page).text
    assert stored(app, desk) == before
    with app.app_context():
        old, new = queries.by_number(desk["ticket"]), queries.by_number(int(response.location.split("/")[-1]))
        assert (new.follow_up_of_id, new.requester_id, new.subject) == (old.id, desk["customer"], old.subject)
        assert [c.text for c in new.comments] == ["It happens again."]
        assert {p.address_id for p in new.participants} == {p.address_id for p in old.participants}
        assert db.session.query(Ticket).filter_by(follow_up_of_id=old.id).count() == 1


def test_answer_soon_after_closing_opens_the_ticket_again(app, desk, jonas, page):
    set_status(app, desk, Status.CLOSED, closed_days_ago=13)
    assert send(jonas, f"{page}/answer", form_id=KEY, body="It happens again.").location == page
    assert stored(app, desk)[0] is Status.OPEN


@pytest.mark.parametrize("act", ["close", "reopen"])
def test_nobody_settles_the_ticket_of_another(app, desk, page, act):
    set_status(app, desk, Status.RESOLVED)
    before = stored(app, desk)
    assert send(browser(app, desk["other_customer"]), f"{page}/{act}", body="x").status_code == 404
    assert send(browser(app, desk["admin"]), f"{page}/{act}", body="x").status_code == 403
    assert stored(app, desk) == before


# a new one


def test_new_ticket_has_everything_that_was_said(app, desk, jonas):
    assert "jonas@customer.example" in jonas.get("/my/tickets/new").text
    response = new_ticket(jonas, files=[(io.BytesIO(b"\x89PNG"), "a.png"), (io.BytesIO(b"b"), "b.txt")])
    assert response.status_code == 303
    with app.app_context():
        ticket = queries.by_number(int(response.location.rsplit("/", 1)[1]))
        assert (ticket.subject, ticket.category, ticket.status) == ("No sound", "Bug", Status.NEW)
        assert (ticket.requester_id, ticket.created_by_id, ticket.created_from_email) == (
            desk["customer"],
            None,
            False,
        )
        assert [f.filename for f in ticket.comments[0].attachments] == ["a.png", "b.txt"]
        opened = db.session.query(Event).filter_by(type="ticket.opened", ticket_id=ticket.id).one()
        assert (opened.actor_id, opened.data["via"]) == (desk["customer"], "web")
    text = jonas.get(response.location).text
    assert "The speaker is silent." in text and "b.txt" in text


def test_same_form_opens_one_ticket(app, desk, jonas):
    first, second = new_ticket(jonas).location, new_ticket(jonas).location
    assert first == second
    clients = [browser(app, desk["customer"]) for _ in range(4)]
    tokens = [csrf_of(client, "/profile") for client in clients]
    found = []
    threads = [
        threading.Thread(target=lambda c=c, t=t: found.append(new_ticket(c, "z" * 24, csrf_token=t).location))
        for c, t in zip(clients, tokens, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    with app.app_context():
        assert db.session.query(Ticket).filter_by(subject="No sound").count() == 2


def test_key_of_somebody_elses_form_shows_nothing_of_his(app, desk, jonas):
    new_ticket(jonas)
    response = new_ticket(browser(app, desk["other_customer"]), subject="Mine")
    assert response.status_code == 422
    assert "No sound" not in response.text


@pytest.mark.parametrize(
    "fields, words",
    [
        ({"subject": " "}, "Please say in a few words"),
        ({"text": ""}, "Please write what happened"),
        ({"subject": "x" * 256}, "255"),
        ({"category": "Nonsense"}, "Not a valid choice"),
        ({"form_key": "short"}, ""),
    ],
)
def test_bad_input_loses_nothing(app, desk, jonas, fields, words):
    response = new_ticket(jonas, **({"subject": "My <subject>", "text": "A long & careful story"} | fields))
    assert response.status_code == 422
    assert words in response.text
    for name, kept in (("subject", "My &lt;subject&gt;"), ("text", "A long &amp; careful story")):
        assert name in fields or kept in response.text


def test_too_large_file_is_named_and_the_rest_stays(app, desk, jonas):
    app.config["EMAIL_MAX_ATTACHMENT_SIZE"] = 1024 * 1024
    response = new_ticket(jonas, files=[(io.BytesIO(b"x" * 1024 * 1025), "film.mov")])
    assert response.status_code == 422
    assert "film.mov" in response.text and "choose the refused file again" in response.text
    assert "The speaker is silent." in response.text


def kept_word(response):
    return html.unescape(re.search(r'name="kept" value="([^"]+)"', response.text)[1])


def test_files_stay_when_the_rest_is_refused(app, desk, jonas):
    chosen = [(io.BytesIO(b"\x89PNG"), "a.png"), (io.BytesIO(b"b"), "b.txt"), (io.BytesIO(b"c"), "c.txt")]
    refused = new_ticket(jonas, subject="", files=chosen)
    assert refused.status_code == 422 and "Your files are still here" in refused.text
    again = new_ticket(
        jonas, text="", kept=kept_word(refused), keep_file=["0", "2"], files=[(io.BytesIO(b"d"), "d.txt")]
    )
    assert [again.text.count(f">{name} ") for name in ("a.png", "b.txt", "c.txt", "d.txt")] == [1, 0, 1, 1]
    response = new_ticket(jonas, kept=kept_word(again), keep_file=["0", "1", "2"])
    with app.app_context():
        ticket = queries.by_number(int(response.location.rsplit("/", 1)[1]))
        found = [(f.filename, attachments.contents(f)) for f in ticket.comments[0].attachments]
    assert found == [("a.png", b"\x89PNG"), ("c.txt", b"c"), ("d.txt", b"d")]


def test_good_file_stays_beside_one_that_is_too_large(app, desk, jonas, page):
    app.config["EMAIL_MAX_ATTACHMENT_SIZE"] = 1024 * 1024
    chosen = [(io.BytesIO(b"fine"), "fine.txt"), (io.BytesIO(b"x" * 1024 * 1025), "film.mov")]
    refused = send(jonas, f"{page}/answer", form_id=KEY, body="Look:", attachments=chosen)
    assert refused.status_code == 422 and "film.mov" in refused.text and ">fine.txt " in refused.text
    send(jonas, f"{page}/answer", form_id=KEY, body="Look:", kept=kept_word(refused), keep_file="0")
    with app.app_context():
        files = queries.by_number(desk["ticket"]).comments[-1].attachments
        assert [(f.filename, attachments.contents(f)) for f in files] == [("fine.txt", b"fine")]


def test_kept_files_are_their_owners_alone(app, desk, jonas):
    word = kept_word(new_ticket(jonas, subject="", files=[(io.BytesIO(b"mine"), "mine.txt")]))
    maria = browser(app, desk["other_customer"])
    for stolen in (word, word[:-4], "nonsense", ""):
        response = new_ticket(maria, f"{stolen[:4]:s}{'x' * 24}", kept=stolen, keep_file=["0"])
        with app.app_context():
            ticket = queries.by_number(int(response.location.rsplit("/", 1)[1]))
            assert ticket.comments[0].attachments == []


def test_kept_file_that_was_cleared_away_is_left_out(app, desk, jonas):
    word = kept_word(new_ticket(jonas, subject="", files=[(io.BytesIO(b"gone soon"), "gone.txt")]))
    with app.app_context(), transaction():
        assert storage.drop(hashlib.sha256(b"gone soon").hexdigest(), utcnow() + timedelta(minutes=1))
    response = new_ticket(jonas, kept=word, keep_file=["0"])
    assert response.status_code == 303


def test_files_do_not_grow_without_end(app, desk, jonas):
    many = [(io.BytesIO(b"x"), f"{n}.txt") for n in range(21)]
    assert "at most 20 files" in new_ticket(jonas, files=many).text
    app.config["EMAIL_MAX_MESSAGE_SIZE"] = 1024 * 1024
    large = [(io.BytesIO(b"x" * 600_000), f"{n}.bin") for n in range(2)]
    assert "may have 1 MB" in new_ticket(jonas, files=large).text


def test_several_accounts_are_offered_by_their_public_names(app, desk, jonas):
    assert 'name="account"' not in jonas.get("/my/tickets/new").text
    with app.app_context():
        billing = factories.make_account(
            "billing@desk.example", name="intern-2", from_name="Billing & invoices"
        ).id
        hidden = factories.make_account("alarms@desk.example", from_name="Alarms", is_offered=False).id
        gone = factories.make_account("old@desk.example", from_name="Gone", is_active=False).id
    text = jonas.get("/my/tickets/new").text
    assert "Billing &amp; invoices" in text
    assert "intern-2" not in text and "Alarms" not in text and "Gone" not in text
    for refused in (hidden, gone, 999):
        assert new_ticket(jonas, account=refused).status_code == 422
    response = new_ticket(jonas, account=billing)
    with app.app_context():
        assert queries.by_number(int(response.location.rsplit("/", 1)[1])).account_id == billing


def test_extra_fields_of_a_new_ticket_change_nothing(app, desk, jonas):
    response = new_ticket(jonas, status="closed", priority="urgent", requester=str(desk["other_customer"]),
                          assignee=str(desk["agent"]), created_by=str(desk["admin"]), cc="x@evil.example")  # fmt: skip
    with app.app_context():
        ticket = queries.by_number(int(response.location.rsplit("/", 1)[1]))
        assert (ticket.status, ticket.priority, ticket.assignee_id) == (Status.NEW, "medium", None)
        assert [p.address.user_id for p in ticket.participants] == [desk["customer"]]


def test_flood_of_tickets_stops_and_gives_the_text_back(app, desk, jonas):
    for n in range(20):
        assert new_ticket(jonas, f"{n:024}").status_code == 303
    response = new_ticket(jonas, "q" * 24, text="Something that I wrote with care.")
    assert response.status_code == 429
    assert "Something that I wrote with care." in response.text

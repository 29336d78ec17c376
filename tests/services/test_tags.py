"""Tags on both databases: one per word, on and off, renamed, merged, deleted; the list finds them."""

import pytest

from helpdesk.database import db, transaction
from helpdesk.errors import Conflict, InvalidInput, NotFound
from helpdesk.services import queries, search, tags
from helpdesk.services.queries import TicketFilter
from tests import factories


@pytest.fixture
def desk(context):
    account = factories.make_account()
    agent = factories.make_agent(accounts=[account])
    return agent, factories.make_ticket(account), factories.make_ticket(account, subject="Second")


def names(ticket):
    return [tag.name for tag in ticket.tags]


def put(ticket, *words, actor=None):
    with transaction():
        return [tags.add(ticket, word, actor=actor) for word in words]


def history(ticket):
    return [(e.type, e.data["tag_id"]) for e in queries.history(ticket) if "tag" in e.type]


def test_a_ticket_is_filed_once_whatever_the_case(desk):
    agent, ticket, _ = desk
    first, again, accent = put(ticket, "Rückgabe", " RÜCKGABE ", "ruckgabe", actor=agent)
    assert first.id == again.id == accent.id
    assert names(ticket) == ["Rückgabe"]
    assert history(ticket) == [("ticket.tagged", first.id)]


def test_a_tag_is_taken_off_once(desk):
    agent, ticket, _ = desk
    (tag,) = put(ticket, "refund")
    for _ in range(2):
        with transaction():
            tags.remove(ticket, tag.id, actor=agent)
    assert names(ticket) == []
    assert history(ticket) == [("ticket.tagged", tag.id), ("ticket.untagged", tag.id)]


@pytest.mark.parametrize("name", ["", "  ", "#", "a,b", "x" * 41, "---"])
def test_what_is_no_tag_is_refused(desk, name):
    with pytest.raises(InvalidInput), transaction():
        tags.add(desk[1], name, actor=None)
    assert tags.known() == []


def test_a_ticket_has_an_end_of_tags(desk):
    put(desk[1], *(f"tag {n}" for n in range(tags.MAX_PER_TICKET)))
    with pytest.raises(InvalidInput):
        put(desk[1], "one more")


def test_a_field_holds_several():
    assert tags.split(" refund, #vip ,, two  words;x\n") == ["refund", "vip", "two words", "x"]


def test_lists_are_narrowed_by_tag(desk):
    agent, ticket, second = desk
    put(ticket, "refund", "VIP")
    put(second, "vip")
    shown = lambda **kw: [r.ticket.id for r in queries.list_tickets(agent, TicketFilter(**kw)).rows]  # noqa: E731
    assert shown(tag="Refund") == [ticket.id]
    assert shown(tag="vip") == [second.id, ticket.id]
    assert shown(tag="none such") == []
    assert shown(query=search.parse("tag:vip tag:refund")) == [ticket.id]
    assert [(tag.name, count) for tag, count in tags.used()] == [("refund", 1), ("VIP", 2)]


def test_renaming_keeps_tickets_and_refuses_a_second_of_the_name(desk):
    refund, vip = put(desk[1], "refund", "vip")
    with transaction():
        tags.rename(refund, "Refunds", actor=None)
        tags.rename(vip, "VIP", actor=None)
    assert names(desk[1]) == ["Refunds", "VIP"]
    with pytest.raises(Conflict), transaction():
        tags.rename(refund, "vip", actor=None)


def test_merging_moves_every_ticket_and_leaves_one_tag(desk):
    _agent, ticket, second = desk
    refund, money = put(ticket, "refund", "money back")
    put(second, "refund")
    with transaction():
        tags.merge(refund, money, actor=None)
    assert names(ticket) == names(second) == ["money back"]
    assert [tag.name for tag in tags.known()] == ["money back"]
    with pytest.raises(InvalidInput), transaction():
        tags.merge(money, money, actor=None)


def test_a_deleted_tag_is_on_no_ticket(desk):
    (tag,) = put(desk[1], "refund")
    tag_id = tag.id
    with transaction():
        tags.delete(tag, actor=None)
    assert names(desk[1]) == []
    with pytest.raises(NotFound):
        tags.get(tag_id)
    assert db.session.get(type(desk[1]), desk[1].id) is not None

"""The sample's texts and files: whole, at home in .example, and the same each time."""

import re
from datetime import timedelta
from email import message_from_bytes

import pytest

from helpdesk.demo import files, stage, story
from helpdesk.policy.status import Category, Priority, Status


@pytest.fixture(scope="module")
def sample():
    return story.read()


def test_every_person_of_the_story_is_known_and_lives_in_example(sample):
    known = sample.members.keys() | sample.customers.keys()
    named = {h.who for c in sample.conversations for h in c.happenings}
    named |= {key for c in sample.conversations for h in c.happenings for key in h.cc}
    assert named <= known
    addresses = [m.email for m in sample.members.values()] + [a.email for a in sample.customers.values()]
    assert all(address.endswith(".example") for address in addresses)
    texts = "\n".join(h.text for c in sample.conversations for h in c.happenings)
    assert not re.search(r"@(?!\S*\.example)\w|https?:", texts)


def test_the_sample_is_lively(sample):
    happenings = [h for c in sample.conversations for h in c.happenings]
    assert len(sample.conversations) >= 55
    assert {c.account for c in sample.conversations} == {"support", "billing", "sales"}
    values = {h.value for h in happenings}
    assert {"low", "high", "urgent"} <= values & set(Priority)
    assert set(Category) <= values
    assert {Status.IN_PROGRESS, Status.RESOLVED, Status.CLOSED} <= values
    assert all(h.text for h in happenings if h.what in {"mail", "reply", "note", "away", "again"})


def test_nothing_happens_before_its_beginning_or_after_now(sample):
    for conversation in sample.conversations:
        assert conversation.happenings[0].what == "mail"
        assert all(h.after <= conversation.ago for h in conversation.happenings), conversation.subject


def test_every_file_of_the_story_can_be_made(sample):
    names = {name for c in sample.conversations for h in c.happenings for name in h.files}
    starts = {"png": b"\x89PNG", "pdf": b"%PDF", "csv": b"date,", "log": b"09:", "txt": b"09:"}
    for name in names:
        made = files.make(name)
        assert made.data.startswith(starts[name.rpartition(".")[2]])
        assert made == files.make(name)


@pytest.mark.parametrize("text", ["", "soon", "3", "2d x", "-1h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="no duration"):
        story.span(text)


def test_durations_add_up():
    assert story.span("1d 2h 30m") == timedelta(days=1, hours=2, minutes=30)


def test_a_sample_is_never_played_on_a_real_desk(context):
    with pytest.raises(RuntimeError, match="demo"):
        stage.play(story.read(), "correct horse battery")


def test_the_delivery_report_names_its_recipient():
    from helpdesk.database import utcnow

    report = message_from_bytes(
        stage._report("a@b.example", "c@d.example", "id@b.example", "own@x.example", utcnow())
    )
    assert "c@d.example" in report.get_payload()[1].as_string()

"""What each answer of a mail server makes of a mail."""

from datetime import UTC, datetime, timedelta

import pytest

from helpdesk.errors import PermanentError, TransientError, UncertainError
from helpdesk.services.outbox.results import Outgoing, after_answer, after_error
from helpdesk.transports.base import Delivery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = {"now": NOW, "max_attempts": 35}
A, B, C = "a@one.example", "b@two.example", "c@three.example"
DESK = "s@desk.example"


def mail(attempts=1, uncertain_count=0, **recipients):
    return Outgoing(7, DESK, DESK, {"to": [A], "cc": [B, C]} | recipients, b"raw", attempts, uncertain_count)


def words(verdict):
    return verdict.values["reason"] % verdict.values["reason_params"]


def test_a_yes_is_final_and_keeps_the_words():
    verdict = after_answer(mail(), Delivery("250 2.0.0 queued as 4711", {}), **AT)
    assert (verdict.values["state"], verdict.event) == ("sent", "email.sent")
    assert verdict.values["detail"] == "250 2.0.0 queued as 4711"
    assert verdict.values["finished_at"] == NOW
    assert verdict.values["recipients"]["accepted"] == [A, B, C]


def test_who_has_got_it_is_not_mailed_again():
    verdict = after_answer(mail(), Delivery("250 ok", {B: (450, "greylisted")}), **AT)
    assert (verdict.values["state"], verdict.event) == ("queued", "")
    assert verdict.values["due_at"] == NOW + timedelta(minutes=1)
    assert mail(**verdict.values["recipients"]).pending == [B]


def test_who_is_refused_for_good_is_named_though_others_have_it():
    verdict = after_answer(mail(), Delivery("250 ok", {B: (550, "no such user")}), **AT)
    assert (verdict.values["state"], verdict.event) == ("failed", "email.failed")
    assert words(verdict) == f"Not delivered to {B}."
    assert verdict.values["detail"] == f"{B}: 550 no such user"
    assert verdict.values["recipients"]["accepted"] == [A, C]


@pytest.mark.parametrize("error", [PermanentError("No."), TransientError("Later.")])
def test_who_is_refused_later_than_the_others_took_it_is_named_alone(error):
    verdict = after_error(mail(attempts=35, accepted=[A, C]), error, **AT)
    assert verdict.values["state"] == "failed"
    assert verdict.values["recipients"] == {"to": [A], "cc": [B, C], "accepted": [A, C], "refused": [B]}


def test_letters_the_server_does_not_know_are_told_with_what_to_do():
    verdict = after_answer(mail(), Delivery("250 ok", {B: (553, "5.6.7 no letters beyond ASCII")}), **AT)
    assert verdict.values["state"] == "failed"
    assert words(verdict).startswith(f"Nothing can be sent to {B}: the account's mail server does not know")
    assert verdict.values["detail"] == f"{B}: 553 5.6.7 no letters beyond ASCII"
    both = after_answer(mail(), Delivery("250", {B: (553, "5.6.7 letters"), C: (550, "no such user")}), **AT)
    assert words(both) == f"Not delivered to {B}, {C}."


def test_what_counts_against_the_rates_is_what_may_have_been_taken():
    taken = after_answer(mail(), Delivery("250 ok", {B: (450, "later")}), **AT)
    unknown = after_error(mail(), UncertainError("No answer came."), **AT)
    no = after_error(mail(), PermanentError("No."), **AT)
    later = after_error(mail(), TransientError("Later."), **AT)
    nobody = after_answer(mail(), Delivery("", dict.fromkeys([A, B, C], (550, "left alone"))), **AT)
    assert ["handed_at" in v.values for v in (taken, unknown, no, later, nobody)] == [False] * 2 + [True] * 3
    assert [v.was_taken for v in (taken, unknown, no, later, nobody)] == [True] + [False] * 4


def test_one_refused_for_now_and_one_for_good():
    first = after_answer(mail(), Delivery("250", {B: (450, "later"), C: (550, "never")}), **AT)
    rest = mail(attempts=2, **first.values["recipients"])
    assert rest.pending == [B]
    last = after_answer(rest, Delivery("250 ok", {}), **AT)
    assert (last.values["state"], words(last)) == ("failed", f"Not delivered to {C}.")
    assert last.values["recipients"]["accepted"] == [A, B]


def test_a_recipient_refused_for_now_to_the_end_is_refused():
    verdict = after_answer(mail(attempts=35), Delivery("250", {B: (450, "later")}), **AT)
    assert (verdict.values["state"], verdict.values["recipients"]["refused"]) == ("failed", [B])


@pytest.mark.parametrize(("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 240), (34, 240)])
def test_later_means_the_next_step_of_the_table(attempts, minutes):
    error = TransientError("The server is busy.", detail="451 try later")
    verdict = after_error(mail(attempts), error, **AT)
    assert verdict.values["state"] == "queued"
    assert verdict.values["due_at"] == NOW + timedelta(minutes=minutes)
    assert (verdict.values["reason"], verdict.values["detail"]) == ("The server is busy.", "451 try later")


def test_after_the_last_try_it_failed():
    verdict = after_error(mail(35), TransientError("Busy."), **AT)
    assert (verdict.values["state"], verdict.event) == ("failed", "email.failed")


def test_a_no_for_good_fails_at_once_with_the_words():
    verdict = after_error(mail(), PermanentError("It was refused.", detail="554 spam"), **AT)
    assert (verdict.values["state"], verdict.values["detail"]) == ("failed", "554 spam")


@pytest.mark.parametrize("error", [UncertainError("No answer came."), RuntimeError("a defect")])
def test_without_an_answer_it_is_sent_once_more_and_then_a_person_decides(error):
    first = after_error(mail(), error, **AT)
    assert first.values["state"] == "queued"
    assert first.values["due_at"] == NOW + timedelta(minutes=15)
    assert first.values["uncertain_count"] == 1
    second = after_error(mail(attempts=2, uncertain_count=1), error, **AT)
    assert (second.values["state"], second.event) == ("uncertain", "email.uncertain")
    assert "due_at" not in second.values

"""A real server that says no, later, goodbye or nothing while several connections send within a limit."""

from collections import Counter

import pytest

from helpdesk.services.outbox.deliver import drain
from tests import factories
from tests.services.outbox.mails import let_time_pass, outgoing, queue_mail

COUNT = 8
REPLIES = ["451 4.3.0 later", "550 5.7.1 no", "421 4.3.2 going away", "554 5.6.0 never"]


def says(step):
    def begin(sink):
        sink.answers[step] = list(REPLIES)

    return begin


def cuts_in_the_middle(sink):
    sink.cut_in_data = 30


def takes_and_hangs_up(sink):
    sink.at_end = "drop"


def is_away(sink):
    sink.stop()
    sink.resume()
    sink.greeting = "421 4.3.2 not now"


FAULTS = {
    "MAIL": (says("MAIL"), 2, 1),
    "DATA": (says("DATA"), 2, 1),
    "END": (says("END"), 2, 1),
    "cut in the mail": (cuts_in_the_middle, 0, 1),
    "cut after the dot": (takes_and_hangs_up, 0, 2),
    "no greeting": (is_away, 0, 1),
}


def heal(sink):
    sink.cut_in_data, sink.at_end, sink.greeting = None, "answer", None


@pytest.mark.parametrize("fault", FAULTS)
def test_after_the_fault_every_mail_has_left_or_says_why_not(sink, context, fault):
    begin, refused, copies = FAULTS[fault]
    account = factories.make_account(
        outgoing_port=sink.port, outgoing_security="plain", is_acknowledging=False, send_connections=3,
        sends_per_minute=100, sends_per_hour=500,
    )  # fmt: skip
    for number in range(COUNT):
        to = f"p{number}@one.example"
        queue_mail(account, to=(to,), raw=factories.make_mail(to=to, text=f"Number {number}\n"))
    account_id = account.id
    begin(sink)
    drain(account_id)
    heal(sink)
    for _ in range(5):
        let_time_pass(minutes=16)
        drain(account_id)

    states = Counter(email.state.value for email in outgoing())
    assert states == Counter(sent=COUNT - refused, failed=refused) - Counter()
    assert all(email.detail.startswith("55") for email in outgoing() if email.state == "failed")
    taken = Counter(sink.mails())
    assert max(taken.values()) <= copies, "a copy more than once is one in every byte"
    assert len(taken) == len({mail.recipients for mail in taken}) == COUNT - refused

"""When a mail is tried again, and when it is given up."""

from datetime import timedelta

import pytest

from helpdesk.services.outbox.backoff import next_delay, offline_delay


@pytest.mark.parametrize(
    ("attempts", "minutes"), [(1, 1), (2, 5), (3, 15), (4, 60), (5, 240), (6, 240), (34, 240), (35, None)]
)
def test_the_waits_are_those_of_the_table(attempts, minutes):
    assert next_delay(attempts, 35) == (minutes and timedelta(minutes=minutes))


def test_a_mail_is_given_up_after_five_days_whatever_the_setting():
    waits = []
    while (delay := next_delay(len(waits) + 1, 1000)) is not None:
        waits.append(delay)
    assert timedelta(days=5) <= sum(waits, timedelta()) < timedelta(days=5, hours=2)


def test_the_setting_makes_it_shorter():
    assert next_delay(2, 3) == timedelta(minutes=5)
    assert next_delay(3, 3) is None


def test_a_server_that_is_away_is_asked_every_quarter_of_an_hour():
    assert [offline_delay(n).total_seconds() / 60 for n in (1, 2, 3, 4, 100)] == [1, 5, 15, 15, 15]

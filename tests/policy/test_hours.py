"""Business hours: what people write for them, and whether somebody is there, whatever the clocks do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.errors import InvalidInput
from helpdesk.policy import hours
from helpdesk.policy.acknowledge import When

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = {
    **dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "9:00-12:00, 13:00-17:00"),
    "sat": "",
    "sun": "",
}


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def of(written, *holidays, zone=BERLIN):
    return hours.hours_of(written | {"holidays": list(holidays)}, zone)


@pytest.mark.parametrize("text, kept", [
    ("", ""), ("  ", ""), ("9-17", "09:00-17:00"), ("9:00 - 12:00; 13.30–17.15", "09:00-12:00, 13:30-17:15"),
    ("13-17, 9-12", "09:00-12:00, 13:00-17:00"), ("9am-5:30pm", "09:00-17:30"), ("12am-12pm", "00:00-12:00"),
    ("0-24", "00:00-24:00"), ("22:00-06:00", "22:00-06:00"), ("9 bis 17 Uhr", "09:00-17:00"), ("8-12 and 14-18", "08:00-12:00, 14:00-18:00"),
])  # fmt: skip
def test_a_day_is_read_as_people_write_it_and_kept_in_one_form(text, kept):
    tidied = hours.tidy({"mon": text})
    assert tidied["mon"] == kept
    assert hours.tidy(tidied) == tidied


@pytest.mark.parametrize(
    "text",
    [
        "open",
        "9",
        "9-",
        "25-26",
        "9:60-10",
        "9-9",
        "24:00-3",
        "13pm-5pm",
        "9-12, 11-13",
        "22-6, 23-24",
        "9-10, " * 6 + "9-10",
    ],
)
def test_what_is_no_span_of_time_is_refused(text):
    with pytest.raises(InvalidInput):
        hours.read_day(text)


@pytest.mark.parametrize("line, kept", [
    ("2026-12-25 Christmas  Day", "2026-12-25 Christmas Day"), ("12-25", "12-25"), ("25.12. Weihnachten", "12-25 Weihnachten"),
    ("1.5.2027", "2027-05-01"), ("02-29", "02-29"),
])  # fmt: skip
def test_a_holiday_is_a_date_with_or_without_a_year_and_words(line, kept):
    assert hours.tidy({"holidays": f"\n{line}\n{line}\n"})["holidays"] == [kept]


@pytest.mark.parametrize(
    "line", ["Christmas", "2026-13-01", "2026-02-29", "32.1.", "2026-12-255", "12/25/2026"]
)
def test_what_is_no_date_is_refused(line):
    with pytest.raises(InvalidInput):
        hours.read_holidays([line])


@pytest.mark.parametrize("when, is_open, opens", [
    ("2026-11-23 08:59:59", False, "2026-11-23 09:00"), ("2026-11-23 09:00", True, "2026-11-23 13:00"),
    ("2026-11-23 12:00", False, "2026-11-23 13:00"), ("2026-11-23 16:59:59", True, "2026-11-24 09:00"),
    ("2026-11-27 17:00", False, "2026-11-30 09:00"), ("2026-11-28 12:00", False, "2026-11-30 09:00"),
])  # fmt: skip
def test_an_ordinary_week(when, is_open, opens):
    office = of(OFFICE)
    assert hours.is_open(office, at(when)) is is_open
    assert hours.next_opening(office, at(when)) == at(opens)


def test_nobody_is_there_on_holidays_of_one_year_and_of_every_year():
    office = of(OFFICE, "2026-12-24", "12-25 Christmas")
    assert not hours.is_open(office, at("2026-12-24 10:00"))
    assert hours.next_opening(office, at("2026-12-23 18:00")) == at("2026-12-28 09:00")  # a weekend follows
    assert hours.is_open(office, at("2027-12-24 10:00"))
    assert not hours.is_open(of(dict.fromkeys(hours.DAYS, "0-24"), "12-25"), at("2031-12-25 10:00"))


def test_a_night_shift_goes_over_midnight_and_into_a_holiday():
    night = of({"fri": "22:00-06:00", "sat": "22:00-06:00"}, "2026-11-28")
    assert hours.is_open(night, at("2026-11-28 05:59"))  # Friday's, though Saturday is a holiday
    assert not hours.is_open(night, at("2026-11-28 06:00"))
    assert not hours.is_open(night, at("2026-11-28 23:00"))
    assert hours.next_opening(night, at("2026-11-28 06:00")) == at("2026-12-04 22:00")


def test_round_the_clock_is_open_at_every_moment_also_when_clocks_are_changed():
    always = of(dict.fromkeys(hours.DAYS, "00:00-24:00"))
    for start in ("2026-03-28 22:00", "2026-10-24 22:00"):
        moment = at(start).astimezone(UTC)
        assert all(hours.is_open(always, moment + timedelta(minutes=7 * i)) for i in range(400))


def test_hours_follow_the_clocks_on_the_wall():
    office = of({"sun": "09:00-17:00"})
    assert hours.next_opening(office, at("2026-03-29 01:00")) == datetime(
        2026, 3, 29, 7, tzinfo=UTC
    )  # summer began
    assert hours.next_opening(office, at("2026-10-25 01:00")) == datetime(
        2026, 10, 25, 8, tzinfo=UTC
    )  # and ended
    early = of({"sun": "01:30-02:30"})
    assert hours.is_open(early, datetime(2026, 10, 25, 1, 15, tzinfo=UTC))  # 2:15 for the second time
    assert not hours.is_open(early, datetime(2026, 10, 25, 1, 31, tzinfo=UTC))
    assert hours.is_open(early, datetime(2026, 3, 29, 0, 45, tzinfo=UTC))  # 1:45; 2:30 never comes


def test_a_desk_that_never_opens_has_no_next_time():
    assert hours.next_opening(of({}), at("2026-11-21 12:00")) is None


def test_when_an_account_answers():
    found = {(when, is_open): when.is_now(is_open=is_open) for when in When for is_open in (True, False)}
    assert [key for key, answers in found.items() if not answers] == [(When.OPEN, False), (When.CLOSED, True)]


SPANS = st.lists(
    st.tuples(st.integers(0, 1439), st.integers(1, 1440)).filter(lambda s: s[0] != s[1]), max_size=1
)


@given(
    st.lists(SPANS, min_size=7, max_size=7),
    st.integers(0, 370 * 24 * 60),
    st.sampled_from(["Europe/Berlin", "Pacific/Apia", "America/St_Johns", "Australia/Lord_Howe"]),
)
def test_the_desk_is_closed_until_the_next_opening_and_open_then(days, minute, zone):
    week = dict(
        zip(
            hours.DAYS,
            (", ".join(f"{b // 60}:{b % 60:02d}-{e // 60}:{e % 60:02d}" for b, e in day) for day in days),
            strict=True,
        )
    )
    found = of(week, zone=ZoneInfo(zone))
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    opens = hours.next_opening(found, now)
    assert (opens is None) == (not any(days))
    if opens is not None and not hours.is_open(found, now):
        assert hours.is_open(found, opens)
        assert not hours.is_open(found, opens - timedelta(seconds=1))

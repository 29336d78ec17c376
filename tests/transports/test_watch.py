"""What ends calls that take too long: on one connection, whichever thread calls."""

import socket
import threading
import time

import pytest

from helpdesk.transports import connection
from helpdesk.transports.connection import Watch


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    ours.settimeout(30)
    watch = Watch()
    watch.follow(ours)
    yield watch, ours, theirs
    watch.release()
    ours.close()
    theirs.close()


def test_a_call_that_takes_too_long_is_cut_and_a_shorter_one_within_a_longer_counts(pair):
    watch, ours, _ = pair
    with watch.within(3600), watch.within(0.05):
        assert ours.recv(1) == b""
    assert watch.has_expired


def test_calls_of_two_threads_that_overlap_leave_nothing_behind(pair):
    watch, ours, theirs = pair
    first, second = watch.within(3600), watch.within(0.3)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    second.__exit__(None, None, None)
    ours.settimeout(0.6)
    with pytest.raises(TimeoutError):
        ours.recv(1)
    assert not watch.has_expired
    theirs.send(b"x")
    assert ours.recv(1) == b"x"


def test_the_thread_ends_with_the_calls_and_the_next_call_is_watched_again(pair, monkeypatch):
    watch, ours, _ = pair
    monkeypatch.setattr(connection, "LOOKS_EVERY_S", 0.02)
    before = set(threading.enumerate())
    with watch.within(3600):
        (thread,) = set(threading.enumerate()) - before
    thread.join(30)
    assert not thread.is_alive()
    with watch.within(0.05):
        assert ours.recv(1) == b""
    assert watch.has_expired


def test_a_connection_that_took_all_the_time_to_come_about_is_cut(pair):
    """Else a server that is slow to be reached could then drip for ever."""
    _, ours, _ = pair
    late = Watch()
    with late.within(0.01):
        while not late.has_expired:
            time.sleep(0.01)
        late.follow(ours)
        assert ours.recv(1) == b""
    late.release()

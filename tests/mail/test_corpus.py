"""Whole mails, written as the programs of this world write them, and what becomes of each."""

import json

import pytest

from tests.mail.corpus import MAILS, reading


@pytest.mark.parametrize("path", MAILS, ids=lambda path: path.stem)
def test_a_mail_becomes_what_its_reader_expects(path):
    assert reading(path.read_bytes()) == json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


def test_every_mail_has_its_expectation():
    assert len(MAILS) >= 25
    assert all(path.with_suffix(".json").exists() for path in MAILS)

"""What mail servers say about spam, in the ways they say it."""

import pytest

from helpdesk.mail.spam import SpamVerdict, read_verdict

CASES = [
    ([], False, None),
    ([("X-Spam-Flag", "YES")], True, None),
    ([("X-Spam-Flag", "no")], False, None),
    ([("X-Spam-Status", "Yes, score=7.2 required=5.0 tests=BAYES_99,\n FROM_X")], True, 7.2),
    ([("X-Spam-Status", "No, hits=-1.9 required=5.0")], False, -1.9),
    ([("X-Spam-Score", "5.7 (+++++)")], False, 5.7),
    ([("X-Spam-Score", "")], False, None),
    ([("X-Spam-Score", "many")], False, None),
    ([("X-Spam-Score", "9" * 400)], False, None),
    ([("X-Spam-Level", "*******")], False, 7.0),
    ([("X-Spam-Level", "")], False, None),
    ([("X-Spamd-Bar", "++++++")], False, 6.0),
    ([("X-Spamd-Bar", "---")], False, -3.0),
    ([("X-Spamd-Bar", "/")], False, 0.0),
    ([("X-Spamd-Result", "default: False [2.30 / 15.00];\n ARC_NA(0.00)[]")], False, 2.3),
    ([("X-Spamd-Result", "default: True [16.10 / 15.00]; X(1.0)[]")], True, 16.1),
    ([("X-Rspamd-Action", "add header")], True, None),
    ([("X-Rspamd-Action", "no action")], False, None),
    ([("X-Rspamd-Action", "greylist")], False, None),
    ([("X-MS-Exchange-Organization-SCL", "5")], True, None),
    ([("X-MS-Exchange-Organization-SCL", "-1")], False, None),
    ([("X-Forefront-Antispam-Report", "CIP:203.0.113.7;CTRY:DE;SCL:1;SFV:NSPM;CAT:NONE")], False, None),
    ([("X-Forefront-Antispam-Report", "CIP:203.0.113.7;SCL:6;SFV:NSPM")], True, None),
    ([("X-Forefront-Antispam-Report", "CIP:203.0.113.7;SFV:SPM")], True, None),
    ([("x-forefront-antispam-report", "SFV:SKN;CAT:PHSH;")], True, None),
    ([("X-Spam-Flag", "NO"), ("X-Spam-Flag", "YES")], True, None),
    ([("X-Spam-Score", "-100"), ("X-Spam-Score", "6.5")], False, 6.5),
    ([("Subject", "X-Spam-Flag: YES"), ("X-Spam-Report", "score=99")], False, None),
]


@pytest.mark.parametrize(("headers", "is_spam", "score"), CASES)
def test_each_server_is_understood_and_no_forged_no_counts(headers, is_spam, score):
    verdict = read_verdict(headers)
    assert (verdict.is_spam, verdict.score) == (is_spam, score)


def test_a_verdict_names_the_header_it_rests_on():
    verdict = read_verdict([("X-Spam-Flag", "YES"), ("X-Spamd-Result", "default: True [16.1 / 15.0]")])
    assert verdict == SpamVerdict(True, "X-Spam-Flag", 16.1, "X-Spamd-Result")


def test_anything_at_all_gives_a_verdict():
    names = ("X-Spam-Status", "X-Spam-Level", "X-Spamd-Result", "X-Forefront-Antispam-Report", "X-Spam-Score")
    for value in (
        "\0",
        "[" * 5000,
        "score=" * 5000,
        "*" * 100_000,
        "1." * 5000,
        ";SCL:" * 4000,
        "²³",
        "+-+-",
    ):
        assert not read_verdict([(name, value) for name in names]).is_spam

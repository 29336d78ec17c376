"""What an account's own server says of a mail's author, told from what anybody can write into a mail."""

import pytest

from helpdesk.mail import authentication
from helpdesk.mail.authentication import topmost_results

OURS = "mx.desk.example"
RECEIVED = ("Received", "from relay.sender.example by mx.desk.example; Sat, 21 Nov 2026 10:00:00 +0000")


def authenticate(headers, trusted, domain):
    fields = [(name, value.encode()) for name, value in headers]
    return authentication.authenticate(topmost_results(fields), trusted, domain)


def ar(value):
    return ("Authentication-Results", value)


PASS, FAIL = ar(f"{OURS}; dmarc=pass header.from=customer.example"), ar(f"{OURS}; dmarc=fail")


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ([], "unknown"),
        ([PASS], "pass"),
        ([RECEIVED, PASS, RECEIVED], "pass"),
        ([FAIL], "fail"),
        ([ar(f"{OURS}; dmarc=none")], "none"),
        ([ar(f"{OURS}; dmarc=bestguesspass")], "none"),
        ([ar(f"{OURS}; dmarc=temperror")], "unknown"),
        ([ar(f"{OURS}; dmarc=passed")], "unknown"),
        ([ar(f"{OURS}; none")], "unknown"),
        ([ar(f"{OURS} 1; spf=pass smtp.mailfrom=a@b.example; dkim=pass header.d=b.example")], "unknown"),
        ([ar(f"{OURS.upper()};\tdmarc = PASS (p=REJECT; sp=none) header.from=customer.example")], "pass"),
        ([ar(f"{OURS}; dmarc/1=pass")], "pass"),
        ([ar("mx.customer.example; dmarc=pass")], "unknown"),
        ([ar("dmarc=pass header.from=customer.example")], "unknown"),
        # forged ones
        ([FAIL, RECEIVED, PASS], "fail"),
        ([ar(f"{OURS}; dmarc=none"), RECEIVED, PASS], "none"),
        ([ar("mx.customer.example; spf=pass"), RECEIVED, PASS], "unknown"),
        ([ar(f"{OURS}; spf=pass"), PASS], "pass"),
        ([RECEIVED, ar(f"{OURS}; spf=pass"), PASS], "unknown"),  # the first line of the mail as it was sent
        ([RECEIVED, ar("mx.customer.example; spf=pass"), PASS], "unknown"),
        ([RECEIVED, ar(f"{OURS}; dmarc=none"), PASS], "none"),
        ([RECEIVED, PASS, FAIL], "fail"),
        ([RECEIVED, PASS, PASS], "pass"),
        ([FAIL, PASS], "fail"),
        ([PASS, FAIL], "fail"),
        ([PASS, RECEIVED, FAIL], "pass"),
        ([ar(f"{OURS}; dmarc=fail (dmarc=pass)")], "fail"),
        ([ar(f'{OURS}; spf=fail reason="x; dmarc=pass"')], "unknown"),
        ([ar(f'{OURS}; spf=fail reason="x\\"; dmarc=pass"; dmarc=fail')], "fail"),
        ([ar(f"({OURS}; dmarc=pass) evil.example; dmarc=pass")], "unknown"),
        ([ar(f"{OURS}; x-dmarc=pass")], "unknown"),
        ([ar(f"{OURS}; spf=fail smtp.mailfrom==?utf-8?q?a=40b=3B_dmarc=3Dpass?=")], "unknown"),
        # as servers in use write it
        (
            [
                ar(
                    f"{OURS};\n dkim=pass header.i=@customer.example header.s=k1 header.b=ab12cd;\n spf=pass (mx: domain of"
                    " a@customer.example designates 192.0.2.1 as permitted sender) smtp.mailfrom=a@customer.example;\n"
                    " dmarc=pass (p=REJECT sp=REJECT dis=NONE) header.from=customer.example"
                )
            ],
            "pass",
        ),
        ([ar(f"{OURS};\n dmarc=fail(p=NONE) header.from=customer.example; spf=none")], "fail"),
        (
            [
                ar(
                    f"{OURS}; arc=none; bimi=skipped; dmarc=pass policy.published-domain-policy=quarantine"
                    " policy.applied-disposition=none header.from=customer.example"
                )
            ],
            "pass",
        ),
        # about somebody else
        ([ar(f"{OURS}; dmarc=pass header.from=evil.example")], "unknown"),
        ([ar(f"{OURS}; dmarc=pass header.from=Customer.Example")], "pass"),
    ],
)
def test_only_the_topmost_word_of_our_own_server_counts(headers, verdict):
    found = authenticate([*headers, ("From", "x"), PASS], OURS, "customer.example")
    if not headers:
        found = authenticate([("From", "x")], OURS, "customer.example")
    assert found.verdict == verdict


def test_without_a_trusted_server_or_an_author_nothing_is_known():
    assert authenticate([PASS], "", "customer.example").verdict == "unknown"
    assert authenticate([PASS], "other.example", "customer.example").server == OURS
    assert authenticate([PASS], OURS, None).verdict == "unknown"
    assert authenticate([PASS], f"mx2.desk.example, {OURS}", "customer.example").verdict == "pass"


def test_what_the_server_found_is_kept_in_its_words():
    value = f"{OURS}; spf=pass smtp.mailfrom=a@customer.example; dkim=fail header.d=list.example; dmarc=pass"
    found = authenticate([ar(value)], OURS, "customer.example")
    assert found.details == ("spf=pass (a@customer.example)", "dkim=fail (list.example)", "dmarc=pass")
    assert (found.server, found.is_trusted) == (OURS, True)


def test_hostile_fields_cost_no_time():
    for value in ("(" * 100_000, '"' * 99_999, f"{OURS}" + "; dmarc" * 50_000, f"{OURS}; " + "a=b " * 50_000):
        authenticate([ar(value)] * 500, OURS, "customer.example")

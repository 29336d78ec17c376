"""Each fault around incoming mail once, on real processes: every mail exactly once, every file whole, nothing half made."""

import pytest

from tests.scenarios.trouble import Trouble, print_ledger

pytestmark = pytest.mark.processes


def test_whatever_happens_every_mail_is_there_exactly_once(database_url, tmp_path, dovecot):
    trouble = Trouble(tmp_path, database_url, dovecot)
    try:
        for fault in Trouble.FAULTS:
            fault(trouble)
        print(f"quiet after {trouble.wait_until_quiet(180):.0f} s")
        ledger = trouble.ledger()
    finally:
        trouble.close()
    print_ledger(ledger)
    wrong = {name: (found, wanted) for name, (found, wanted) in ledger.items() if found != wanted}
    assert not wrong

"""Names of folders."""

from helpdesk.policy.folders import distinct, is_among


def test_the_inbox_is_one_however_it_is_written_and_no_other_folder_is():
    assert is_among("Inbox", ["INBOX"]) and not is_among("done", ["Done", "Inbox/done"])
    assert distinct(["inbox", "Done", "INBOX", "done", "Done"]) == ["inbox", "Done", "done"]

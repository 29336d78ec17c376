"""Header fields as people read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpdesk.mail.headers import header_text, message_ids


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?q?Gr=C3=BC=C3=9Fe?= an alle", "Grüße an alle"),
        (b"=?utf-8?B?R3LDvMOf?=\n =?utf-8?b?ZQ==?=", "Grüße"),
        (b"=?utf-8?b?R3LD?= =?utf-8?b?vMOfZQ==?=", "Grüße"),
        (b"=?iso-8859-1?Q?Gr=FC=DFe?= =?utf-8?q?_=E2=82=AC?=", "Grüße €"),
        (b"=?utf-8*de?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?q?Really??=", "Really?"),
        (b"=?utf-8?q?two words?=", "two words"),
        (b"a=?utf-8?q?b?=c", "abc"),
        (b"=?utf-8?b?R3LDvMOfZQ?=", "Grüße"),
        (b"=?utf-8?b?!!?=", ""),
        (b"=?x-none?q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?utf-8?x?y?=", "=?utf-8?x?y?="),
        (b"=?utf-8?q?never closed", "=?utf-8?q?never closed"),
        ("Grüße".encode(), "Grüße"),
        ("Grüße".encode("cp1252"), "Grüße"),
        (b"=?utf-8?q?one=0D=0ABcc:_two?=", "one Bcc: two"),
        (b"=?iso-2022-jp?B?GyRCJF4kXxsoQg==?=", "まみ"),
    ],
)
def test_a_field_is_read_as_its_writer_meant_it(raw, text):
    assert header_text(raw) == text


@given(
    st.lists(
        st.sampled_from(["=?", "utf-8?q?", "?=", "a", "=C3", " ", "=?utf-8?b?", "w7w=", "\n", "(", "\0"]),
        max_size=30,
    )
)
def test_a_field_is_always_one_clean_line(pieces):
    text = header_text("".join(pieces).encode())
    text.encode()
    assert not set(text) & set("\n\r\0")


def test_ids_are_kept_only_when_nothing_can_hide_in_them():
    assert message_ids("<a@b> junk <c d@e> <f\tg@h> <i@j> <a@b> <> <<k@l>>") == ("a@b", "i@j", "k@l")

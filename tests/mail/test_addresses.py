"""Host names of addresses: the very host that was meant, never its look-alike."""

import pytest

from helpdesk.mail.headers import ascii_domain, is_address, normalise_address


@pytest.mark.parametrize(
    ("domain", "looked_up"),
    [
        ("Desk.Example", "desk.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("xn--strae-oqa.example", "xn--strae-oqa.example"),
        ("日本。example", "xn--wgv71a.example"),
        ("with_underscore.example", "with_underscore.example"),
    ],
)
def test_a_host_name_as_it_is_looked_up(domain, looked_up):
    assert ascii_domain(domain) == looked_up


@pytest.mark.parametrize(
    "domain", ["bü..example", "-ü-.example", "ü" * 300, "ü" * 70 + ".example", "ü\u202e.example"]
)
def test_what_can_be_no_host_is_refused(domain):
    with pytest.raises(UnicodeError):
        ascii_domain(domain)
    assert not is_address(f"a@{domain}")


def test_two_owners_of_similar_names_are_two_people():
    assert normalise_address("a@straße.example") != normalise_address("a@strasse.example")
    assert normalise_address("A@BÜCHER.example") == normalise_address("a@xn--bcher-kva.example")

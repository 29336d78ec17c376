"""Host names of addresses: the very host that was meant, never its look-alike."""

import pytest

from helpdesk.mail.headers import ascii_domain, is_address, normalise_address, read_addresses, single_author
from helpdesk.mail.types import Address


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


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (r'"Jo \"JJ\" Berg" <a@b.example>', 'Jo "JJ" Berg'),
        (r'"Jo \", x" <a@b.example>', 'Jo ", x'),
        (r'"back\\" <a@b.example>', "back\\"),
        ('"Berg, Jo" <a@b.example>', "Berg, Jo"),
    ],
)
def test_an_escaped_quote_ends_no_name(value, name):
    assert read_addresses([f"{value}, c@d.example"]) == (Address("a@b.example", name), Address("c@d.example"))
    assert single_author([value]) == Address("a@b.example", name)


@pytest.mark.parametrize(
    "value",
    [
        r'"evil@x.example\", " <a@b.example>',
        r'"\" <evil@x.example>, " <a@b.example>',
        r'a@b.example, "\" <evil@x.example>',
    ],
)
def test_an_escaped_quote_hides_no_second_author(value):
    assert single_author([value]) is None


@pytest.mark.parametrize(
    ("field", "read"),
    [
        ("Jo(a \\) friend) <jo(his)@b.example(house)>", [("Jo", "jo@b.example")]),
        ("Team(all)\n :Jo <jo@(of)b.example>, a@b.example;", [("Jo", "jo@b.example"), ("", "a@b.example")]),
        ("Jo <@via.example:jo@b.example>, , a@b  . example", [("Jo", "jo@b.example"), ("", "a@b.example")]),
        ("Jo <jo@b.example", [("Jo", "jo@b.example")]),
        ("Jo <<jo@b.example>>", [("Jo", "jo@b.example")]),
        ("mailto:jo@b.example.", [("", "jo@b.example")]),
        ("a@b.example c@d.example", []),
        ("a@b.example <c@d.example> e@f.example", []),
        ("(" * 5000 + "jo@b.example", []),
    ],
)
def test_what_old_rules_allow_is_read_for_copies_and_never_for_the_author(field, read):
    assert [(each.name, each.email) for each in read_addresses([field])] == read
    assert single_author([field]) is None

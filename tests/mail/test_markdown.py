"""What agents write, as safe HTML and as plain text, and ordinary letters that only look like Markdown."""

import re
import time
from collections import Counter
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpdesk.mail.html import html_to_text
from helpdesk.mail.markdown import MAX_CHARS, pictures_in, to_html, to_plain

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("source", "html", "plain"),
    [
        ("Hello **Nora**,\nhow *are* you?", "<p>Hello <strong>Nora</strong>,<br>\nhow <em>are</em> you?</p>", "Hello Nora,\nhow are you?"),
        ("_now_ ***both***", "<p><em>now</em> <em><strong>both</strong></em></p>", "now both"),
        ("- a\n- b\n  more", "<ul>\n<li>a</li>\n<li>b<br>\nmore</li>\n</ul>", "- a\n- b\n  more"),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>", "1. a\n2. b"),
        ("- a\n  - b\n    1. c", "<ul>\n<li>a\n<ul>\n<li>b\n<ol>\n<li>c</li>\n</ol>\n</li>\n</ul>\n</li>\n</ul>", "- a\n  - b\n    1. c"),
        ("> a\n>\n> > b", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>", "> a\n>\n> > b"),
        ("Run `a <b>`.", "<p>Run <code>a &lt;b&gt;</code>.</p>", "Run a <b>."),
        ("```sh\nls  -l\n\n# x\n```", "<pre><code>ls  -l\n\n# x\n</code></pre>", "    ls  -l\n\n    # x"),
        ("a\n\n\n\nb", "<p>a</p>\n<p>b</p>", "a\n\nb"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_marks_become_html_and_readable_text(source, html, plain):
    assert to_html(source) == html
    assert to_plain(source) == plain


def test_links_are_said_in_plain_text_and_open_outside():
    assert to_plain("[our page](https://x.example/a?b=1) and [mail](mailto:a@x.example)") == (
        "our page (https://x.example/a?b=1) and mail (a@x.example)"
    )
    html = to_html("[our page](https://x.example/a), https://x.example/(b)c. Nora <n_o_r@x.example>")
    assert re.findall(r'href="([^"]+)"', html) == [
        "https://x.example/a", "https://x.example/(b)c", "mailto:n_o_r@x.example",
    ]  # fmt: skip
    assert html.count('rel="noopener noreferrer nofollow"') == 3
    assert "&lt;<a" in html
    assert to_plain("[https://a.example](https://b.example)") == "https://a.example (https://b.example)"


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//evil.example", "vbscript:x"],
)
def test_other_addresses_stay_the_words_they_are(address):
    for source in (f"[x]({address})", f"![x]({address})", f"<{address}>", f"[x](<{address}>)"):
        assert "<a" not in to_html(source)
        assert "<img" not in to_html(source)
        assert to_plain(source) == source


def test_pictures_are_shown_where_their_address_is_known():
    source = f"Look: ![a <screen>](upload:{TOKEN}) ![x](https://x.example/pixel.gif)"
    html = to_html(source, pictures={TOKEN: "cid:1@desk.example"})
    assert '<img src="cid:1@desk.example" alt="a &lt;screen&gt;">' in html
    assert html.count("<img") == 1
    assert "<img" not in to_html(source)
    assert pictures_in(source + source) == [TOKEN]
    assert pictures_in(f"`![a](upload:{TOKEN})`") == []
    assert to_plain(source) == "Look: [a <screen>] [x] (https://x.example/pixel.gif)"


@pytest.mark.parametrize(
    "text",
    [
        "Above\n----\nbelow\n====\n***\n- - -\n~~~~",
        "# no title\n#42 is done\n## either",
        r"C:\path\*_x_* and \\server\share\_x_ and D:\new\#1\(old)",
        "Use <b>this</b> & <script>that</script>, not &amp; or &nbsp; or AT&T;",
        "2*3*4 = 24, 5 * 3 * 2, *.py and *.js, **kwargs, snake_case_name, __init__.py, ____ and (*) once",
        "geht`s, gibt`s, wie geht`s?",
        "    indented\n        more\n  a little",
        "a    b     c\n1      2",
        "On\n15. November\nwe come.\n2026. What a year",
        ">50 people, >:(",
        "-\n+ 49 30 1234\n* * *",
        "[x] done [1]: https://x.example/a_b_c*d*e [see][1]\n[1]: https://y.example",
        "https://x.example/" + "very_long_*path*/" * 60 + "?q=a&b=_c_#d",
        "first.last_x_@mail.example.org",
        "```this is no code",
        "```sh\nnever closed",
        "f[i](x) and a[0](b c)",
        "tail\\\nend \\",
        "Müller & Söhne\u2003\u00ab weit \u00bb …",
    ],
)
def test_what_is_not_meant_as_markdown_survives_letter_by_letter(text):
    assert to_plain(text) == text
    shown = re.sub(r"<br>\n|</p>\n<p>", "\n", to_html(text))
    assert unescape(re.sub(r"<[^>]+>", "", shown)).replace("\xa0", " ").strip() == text.strip()


def test_quotes_and_lists_end_where_their_marks_end():
    assert to_html("> quoted\nmine") == "<blockquote>\n<p>quoted</p>\n</blockquote>\n<p>mine</p>"
    assert to_html("> > deep\n> less").count("<blockquote>") == 2
    assert to_plain("> > deep\n> less") == "> > deep\n>\n> less"
    assert to_html("- a\n- b\nRegards").endswith("</ul>\n<p>Regards</p>")


def test_numbers_of_items_stay_as_they_were_typed():
    assert to_plain("1. a\n3. b\n7) c\n8) d") == "1. a\n3. b\n\n7) c\n8) d"
    assert to_html("1. a\n3. b\n4. c") == '<ol>\n<li>a</li>\n<li value="3">b</li>\n<li>c</li>\n</ol>'
    assert to_html("5. a").startswith('<ol start="5">')


def test_a_backslash_takes_the_meaning_of_a_mark():
    assert to_html(r"\*x* \# \- and 1\. x") == "<p>*x* # - and 1. x</p>"


@pytest.mark.parametrize("unit", ["> ", "- ", "> - "])
def test_what_is_nested_too_deeply_is_shown_as_it_was_typed(unit):
    source = unit * 60 + "words"
    assert "words" in to_html(source)
    assert to_plain(source) == source


def test_what_is_too_long_is_shown_as_it_was_typed():
    source = "**a** <b>\n" * (MAX_CHARS // 10 + 1)
    assert to_plain(source) == source.strip()
    assert to_html(source).startswith("<p>**a** &lt;b&gt;<br>")


@pytest.mark.parametrize(
    "unit", ["![", "[", "* a\n", "[[a]", "**a*", "`a``b", "> a\n", "\\*", "https://", "a@b.c", "[](", "*_"]
)
def test_nothing_takes_longer_than_its_length(unit):
    def seconds(size):
        source = (unit * size)[:size]
        began = time.process_time()
        to_html(source)
        to_plain(source)
        return time.process_time() - began

    seconds(100)
    assert seconds(6_400) < 40 * seconds(800) + 0.5  # eight times as long, were it quadratic sixty-four times


PIECES = st.sampled_from(
    ["*", "**", "_", "`", "[", "](", ")", "](https://x.example)", "![", "> ", ">", "- ", "1. ", "7) ", "#", "<", "&amp;",
     "```\n", "\n", "\n\n", "  ", "    ", "\\", "https://x.example/", "@", ".", "<b>", "~~~", "---\n", "\t", "|", "!"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES | st.text("abcäö", min_size=1, max_size=4), max_size=40))
def test_no_word_is_lost_and_nothing_dangerous_comes_of_any_text(pieces):
    source = "".join(pieces)
    meant = re.sub(r"https?://\S*|&amp;|```[ \t]*[\w+#.-]{0,20}[ \t]*$", "", source, flags=re.MULTILINE)
    words = Counter(re.findall(r"[abcäö]", meant))
    html, plain = to_html(source), to_plain(source)
    for shown in (plain, html_to_text(html) if words else ""):
        found = Counter(re.findall(r"[abcäö]", shown))
        assert not words or not words - found, source
    tags = set(re.findall(r"</?([a-z]+)", html))
    assert tags <= {"p", "br", "em", "strong", "a", "code", "pre", "ul", "ol", "li", "blockquote"}
    assert all(link.startswith(("https://", "mailto:")) for link in re.findall(r'href="([^"]*)"', html))
    assert to_html(source) == html

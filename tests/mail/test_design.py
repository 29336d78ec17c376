"""What a mail of strangers looks like in its frame: as it was meant, without what fetches, tells or leaves its place."""

import random
import re
import time

import pytest

from helpdesk.mail.html import count_pictures, design
from helpdesk.mail.pictures import Pictures
from helpdesk.mail.styles import is_ink, is_paper, plain_sheet, plain_style

OUTLOOK = """<html xmlns:o="urn:o" xmlns:v="urn:v"><head><!--[if gte mso 9]><xml><o:x>no</o:x></xml><![endif]--><style><!--
 p.MsoNormal, li.MsoNormal {margin:0in; margin-bottom:.0001pt; font-size:11.0pt; font-family:"Calibri",sans-serif;}
 a:link, span.MsoHyperlink {color:#0563C1; text-decoration:underline;} span.EmailStyle17 {color:#1F497D;}
 @page WordSection1 {size:8.5in 11.0in;} @list l0:level1 {mso-level-text:x;} --></style></head>
 <body lang="DE" link="#0563C1"><div class="WordSection1"><p class="MsoNormal"><span style="color:windowtext">Dear all,<o:p></o:p></span></p>
 <p class="MsoListParagraph" style="margin-left:.5in;text-indent:-.25in;mso-list:l0 level1 lfo1"><![if !supportLists]><span
 style="font-family:Symbol"><span style="mso-list:Ignore">\u00b7<span style="font:7.0pt &quot;Times New Roman&quot;">&nbsp;</span></span></span><![endif]>First</p>
 <p class="MsoNormal">Thanks <span style="font-family:Wingdings">J</span></p>
 <!--[if gte vml 1]><v:shape><v:imagedata src="cid:logo@x"/></v:shape><![endif]--><![if !vml]><img src="cid:logo@x"><![endif]></div></body></html>"""


def test_outlook_keeps_its_paragraphs_lists_and_smileys():
    mail = design(OUTLOOK, cid={"logo@x": "/files/1"})
    assert "p.MsoNormal,li.MsoNormal{margin:0in;margin-bottom:.0001pt;font-size:11.0pt" in mail.sheet
    assert "@" not in mail.sheet
    assert "mso-" not in mail.sheet + mail.body
    assert 'style="margin-left:0.5in;text-indent:-0.25in"' in mail.body
    assert mail.body.count("•") == mail.body.count("🙂") == 1
    assert re.findall(r'<img[^>]* src="([^"]+)"', mail.body) == ["/files/1"]
    assert "o:p" not in mail.body


@pytest.mark.parametrize(
    "html, is_plain",
    [
        ('<div dir="ltr">Hello <span style="color:rgb(34,34,34)">there</span></div>', True),
        (OUTLOOK.partition("<!--[if gte vml")[0], True),
        (
            '<body bgcolor="#FFFFFF" style="color:#000"><font color="black">Hi</font> <a style="color:#15c">link</a>',
            True,
        ),
        ('<p style="color:#888;background:transparent">grey</p>', True),
        ('<p style="color:#c00">red</p>', False),
        ('<font color="navy">blue</font>', False),
        ('<td bgcolor="#eee">grey ground</td>', False),
        ('<style>.card{background:#0b6e69}</style><p class="card">x</p>', False),
        ('<p>words</p><img src="https://x.example/a.png">', False),
        ('<p>words</p><img src="https://x.example/a.png" width="1" height="1">', True),
    ],
)
def test_a_mail_nobody_gave_colours_may_look_like_the_desk(html, is_plain):
    mail = design(html)
    assert mail.is_plain is is_plain
    if is_plain:
        assert "color" not in mail.body + mail.sheet


@pytest.mark.parametrize(
    "picture, found",
    [
        ('<img src="https://x.example/a.png">', Pictures(remote=1)),
        ('<img src="https://x.example/a.png" width="600" height="1">', Pictures(remote=1)),
        ('<img src="https://x.example/a.png" style="width:80%;height:1px">', Pictures(remote=1)),
        ('<img src="https://x.example/a.png" width="1" height="1">', Pictures(pixels=1)),
        ('<img src="https://x.example/a.png" height=0>', Pictures(pixels=1)),
        ('<img src="https://x.example/a.png" style="height:1px !important; width:1px">', Pictures(pixels=1)),
        ('<img src="https://x.example/a.png" width="300" style="display: none">', Pictures(pixels=1)),
        ('<div style="display:none"><p><img src="https://x.example/a.png"></p></div>', Pictures(pixels=1)),
        (
            '<div style="max-height:0; overflow:hidden"><img src="https://x.example/a.png"></div>',
            Pictures(pixels=1),
        ),
        ('<img src="https://x.example/a.png" style="opacity:0.0">', Pictures(pixels=1)),
        ('<img src="https://192.168.1.1/reboot">', Pictures()),
        (
            '<img src="http://[::1]/x"><img src="http://localhost/x"><img src="http://nas.local/x">',
            Pictures(),
        ),
        ('<img src="https://x.example:8443/x"><img src="//x.example/x"><img src="/tickets">', Pictures()),
        ('<img src="data:image/gif;base64,R0lGOD==">', Pictures(shown=1)),
        (
            '<img src="data:image/svg+xml;base64,PHN2Zz4="><img src="data:text/html;base64,PHN2Zz4=">',
            Pictures(),
        ),
    ],
)
def test_pictures_are_shown_wait_or_go(picture, found):
    assert design(f"<p>words</p>{picture}").pictures == found
    assert count_pictures(picture) == (found if "http" in picture else Pictures())
    asked = design(f"<p>words</p>{picture}", shows_remote=True)
    assert len(re.findall(r'<img[^>]* src="https://x\.example/a\.png"', asked.body)) == found.remote


def test_pictures_of_the_web_come_over_tls_and_without_a_referrer():
    mail = design('<img src="http://x.example:80/a.png?b=1&amp;c">', shows_remote=True)
    assert 'src="https://x.example/a.png?b=1&amp;c"' in mail.body
    assert 'referrerpolicy="no-referrer"' in mail.body


@pytest.mark.parametrize(
    "declaration",
    [
        "position:fixed", "position:absolute;top:0", "z-index:9", "margin:-40px", "margin-left: -1in", "height:100vh",
        "width:100vw", "min-height:50dvh", "height:9000px", "height:100%", "transform:scale(9)", "padding:0 0 9999px",
        "background-image:url(https://e.example/x)", "content:'x'", "cursor:url(x)", "list-style:url(x)", "overflow:scroll",
        "width:expression(alert(1))", "color:var(--x)", "width:calc(100vw*9)", "font-family:'x", "text-indent:-9999px",
        "behavior:url(x)", "animation:x 1s", "filter:blur(9px)", "color:re\\64", "mso-hide:all", "-webkit-x:y",
    ],
)  # fmt: skip
def test_what_leaves_its_place_or_fetches_goes_alone(declaration):
    assert plain_style(f"color:red;{declaration};text-align:left") == "color:red;text-align:left"
    assert plain_sheet(f"p{{{declaration}}} td{{text-align:left}}") == "td{text-align:left}"


PIECES = (
    "a", "p.x", "{", "}", ";", ":", "@media", "screen", " and (max-width:100px)", "color", "red", "background", "url(", "//e)",
    "/*", "*/", "<!--", "-->", "</style>", "\\", "\\72", "'", '"', "(", ")", "position", "fixed", "!important", "@import",
    "expression(", "var(--x)", "\x00", "100vh", "height", "-9px", ",", ">", "[", "]", "=", "calc(", "width",
)  # fmt: skip


def test_whatever_pieces_a_sheet_is_made_of_it_stays_a_sheet():
    chance = random.Random(7)
    for _ in range(5000):
        css = "".join(chance.choices(PIECES, k=chance.randint(1, 40)))
        rules = plain_sheet(css)
        assert not re.search(r"[<\\\x00]|url|expression|var\(|calc|\dvh|[{;]position|@(?!media)", rules), css
        assert rules.count("{") == rules.count("}"), css
        assert rules.count("'") % 2 == rules.count('"') % 2 == 0, css


def test_a_ground_with_a_picture_keeps_its_colour():
    assert plain_style("background:#0b6e69 url('https://e.example/x;y.png') no-repeat") in (
        "",
        "background-color:#0b6e69",
    )
    assert plain_style("background:url(https://e.example/x.png) #0b6e69") == "background-color:#0b6e69"


@pytest.mark.parametrize(
    "css",
    [
        "@import 'https://e.example/x.css';", "@import url(//e.example);", "@font-face{font-family:x;src:url(//e.example)}",
        "@media print{p{color:red}}", "@media (prefers-color-scheme:dark){p{color:red}}", "@supports (a:b){p{color:red}}",
        "p[title='}<']{color:red}", "</style><p>{color:red}", "p::before{color:red}", "p:has(x){color:red}", "p\\26{color:red}",
        "@media screen{@media screen{p{color:red}}", "p{color:red", "{color:red}", "@keyframes x{from{color:red}}",
    ],
)  # fmt: skip
def test_rules_that_say_more_than_a_look_go(css):
    rules = plain_sheet(css + " ")
    assert "red" not in rules
    assert not set(rules) & set("<>@\\&") - {"@"}
    assert "url" not in rules


def test_designs_for_narrow_screens_stay():
    css = (
        "@media only screen and (max-width: 600px) { .a, td > p { width: 100% !important; position: fixed } }"
    )
    assert plain_sheet(css) == "@media only screen and (max-width: 600px){.a,td > p{width:100%!important}}"


@pytest.mark.parametrize("colour, ink, paper", [
    ("#000", True, False), ("#333333", True, False), ("rgb(136, 136, 136)", True, False), ("rgba(0,0,0,0.87)", True, False),
    ("#fff", False, True), ("#fafafa", False, True), ("rgba(0, 0, 0, 0)", True, True), ("#1f497d", False, False), ("tomato", False, False),
])  # fmt: skip
def test_ink_and_paper_are_no_choice(colour, ink, paper):
    assert (is_ink(colour), is_paper(colour)) == (ink, paper)


@pytest.mark.parametrize(
    "html",
    [
        '<p style="color:' + " " * 900_000 + 'x">', '<p style="color:hsl(' + "1" * 900_000 + '">',
        '<p style="color:red !' + " " * 900_000 + '">', '<span style="' + "font:" * 180_000 + '">',
        "<style>" + "@media " * 100_000 + "{</style>x", "<style>" + "a{" * 300_000 + "</style>x",
        "<style>" + "/*" * 300_000 + "</style>x", '<img src="https://x.example/a" width="1' + " " * 900_000 + '">',
        "<img " * 180_000, ('<span style="font:wingdings">' * 400 + "J" + "</span>" * 400) * 50,
        "<img src=https://x.example/a>" * 30_000,
    ],
)  # fmt: skip
def test_styles_of_any_length_cost_little(html):
    began = time.process_time()
    design(html, shows_remote=True)
    count_pictures(html)
    assert time.process_time() - began < 10

"""Bytes in any charset, declared rightly, wrongly or not at all."""

import pytest

from helpdesk.mail.charset import clean, decode

RUSSIAN = "Добрый день, принтер не печатает"
SAMPLES = [
    ("cp1251", RUSSIAN), ("koi8_r", RUSSIAN), ("shift_jis", "プリンターが動きません。お願いします"),
    ("euc_jp", "プリンターが動きません"), ("iso2022_jp", "すみません。"), ("gb18030", "你好，打印机坏了，请帮忙"),
    ("big5", "你好，打印機壞了，請幫忙"), ("cp949", "안녕하세요 프린터가 고장났어요"), ("cp1252", "Grüße – aus “Köln”"),
    ("cp1250", "Dzień dobry, drukarka się zepsuła"), ("cp1253", "Καλημέρα, ο εκτυπωτής δεν λειτουργεί"),
    ("cp1255", "שלום, המדפסת לא עובדת"), ("cp1254", "Yazıcı çalışmıyor, yardım eder misiniz"), ("utf-8", "Grüße, Ω"),
]  # fmt: skip


@pytest.mark.parametrize(("charset", "text"), SAMPLES)
@pytest.mark.parametrize("declared", ["right", "x-no-such", "us-ascii", "utf-8", "", "\0", "zip"])
def test_text_is_read_whatever_was_declared(charset, text, declared):
    assert decode(text.encode(charset), charset if declared == "right" else declared) == text


@pytest.mark.parametrize(
    ("declared", "meant", "text"),
    [
        ("iso-8859-1", "cp1252", "“Köln” €"),
        ("gb2312", "gb18030", "镕"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
    ],
)
def test_labels_mean_what_mail_programs_mean(declared, meant, text):
    assert decode(text.encode(meant), declared) == text


def test_a_meta_tag_decides_when_nothing_else_does():
    page = '<meta http-equiv="Content-Type" content="text/html; charset=windows-1250">ščř'
    assert decode(page.encode("cp1250"), "x", is_html=True) == page


def test_one_wrong_byte_costs_one_letter():
    assert decode("Käse und Brötchen, schön".encode() + b"\xff", "utf-8") == "Käse und Brötchen, schön\ufffd"


def test_clean_text_can_be_stored_anywhere():
    assert clean("a\0b\ud800c\ud83d\ude00\r\nd\re\u0301\x85\x1b") == "ab\ufffdc😀\nd\né"

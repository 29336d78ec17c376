"""Answers as the mail programs of this world write them, and what of each the customer newly wrote."""

import sys

import pytest

from helpdesk.mail.quotes import REPLY_ABOVE, split_reply
from tests.mail.languages import LANGUAGES, letters

NORA = "Nora Keller <nora@desk.example>"
BLOCK = f"From: {NORA}\nSent: Monday, March 2, 2026 10:11 AM\nTo: Jonas Berg\nSubject: Re: Printer"
ASKED = "> Please restart it.\n> Which driver is it?"


@pytest.mark.parametrize(("language", "form", "text", "answer"), letters(), ids=lambda value: str(value)[:12])
def test_history_is_cut_in_every_language(language, form, text, answer):
    split = split_reply(text)
    assert split.visible == answer
    assert LANGUAGES[language].quoted in split.quoted


def test_there_are_more_than_25_languages():
    assert len(LANGUAGES) > 35


PLAIN = {
    "Outlook for iOS": f"Works now!\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\n{BLOCK}\n\nPlease restart.",
    "Outlook with stars": "Works now!\n\n*From:* Nora Keller <nora@desk.example>\n*Sent:* Monday, March 2, 2026 10:11 AM\n*To:* Jonas\n*Subject:* Re: Printer\n\nPlease restart.",
    "Outlook on behalf of": f"Works now!\n\nFrom: desk <support@desk.example> On Behalf Of {NORA}\nSent: 02 March 2026 10:11\nTo: Jonas\nSubject: RE: Printer\n\nPlease",
    "Windows Mail": f"Works now!\n\nSent from Mail for Windows\n\n{BLOCK}\n\nPlease restart.",
    "Outlook 2003": f"Works now!\n\n-----Original Message-----\nFrom: {NORA} [mailto:nora@desk.example]\nSent: 02 March 2026 10:11\n\nPlease",
    "Yahoo on Android": "Works now!\n\nSent from Yahoo Mail on Android \n \n  On Mon, Mar 2, 2026 at 10:11, Nora Keller<nora@desk.example> wrote:   Please restart it.\nNora\n  ",
    "Yahoo": f"  Works now!\n\n    On Monday, March 2, 2026 at 10:11:05 AM GMT+1, {NORA} wrote:  \n \n Please restart.\n   ",
    "Proton Mail": f"Works now!\n\nSent with [Proton Mail](https://proton.me/) secure email.\n\nOn Monday, March 2nd, 2026 at 10:11 AM, {NORA} wrote:\n\n{ASKED}",
    "web.de": "Works now!\n \n\nGesendet: Montag, 02. März 2026 um 10:11 Uhr\nVon: \"Nora Keller\" <nora@desk.example>\nAn: jonas@web.de\nBetreff: Re: Drucker\n\nBitte",
    "GMX app": f"Works now!\n-- \nDiese Nachricht wurde von meinem Android Mobiltelefon mit GMX Mail gesendet.\nAm 02.03.26, 10:11 schrieb {NORA}:\n\n{ASKED}",
    "T-Online": "Works now!\n\n-----Original-Nachricht-----\nBetreff: Drucker\nDatum: 2026-03-02T10:11:05+0100\nVon: \"Nora Keller\" <nora@desk.example>\n\nBitte",
    "Samsung": f"Works now!\n\n\nVon meinem/meiner Galaxy gesendet\n\n\n-------- Ursprüngliche Nachricht --------\nVon: {NORA}\nDatum: 02.03.26 10:11 (GMT+01:00)\nAn: jonas\nBetreff: Drucker\n\nBitte",
    "Zoho": f"Works now!\n\n\n---- On Mon, 02 Mar 2026 10:11:05 +0100 {NORA} wrote ----\n\nPlease restart.",
    "Notes": f"Works now!\n\n\n\nFrom:        {NORA} \nTo:        jonas@customer.example \nDate:        02/03/2026 10:11 \nSubject:        Printer \n\n\n\nPlease",
    "Roundcube": f"Works now!\n\nOn 2026-03-02 10:11, Nora Keller wrote:\n{ASKED}",
    "Roundcube in German": f"Works now!\n\nAm 2026-03-02 10:11, schrieb Nora Keller:\n{ASKED}",
    "K-9": f"Works now!\n-- \nDiese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.\n\nAm 2. März 2026 10:11:05 MEZ schrieb {NORA}:\n{ASKED}",
    "FairEmail": f"Works now!\n\n2 Mar 2026 10:11:05 {NORA}:\n\n{ASKED}",
    "Spark": f"Works now!\nOn 2 Mar 2026 at 10:11 +0100, {NORA}, wrote:\n{ASKED}",
    "Superhuman": f"Works now!\n\nSent via Superhuman ( https://sprh.mn/?vip=jonas@customer.example )\n\nOn Mon, Mar 02, 2026 at 10:11 AM, Nora Keller < nora@desk.example > wrote:\n\n{ASKED}",
    "Evolution": f"Works now!\n\nOn Mon, 2026-03-02 at 10:11 +0100, Nora Keller wrote:\n{ASKED}",
    "KMail": f"Works now!\n\nAm Montag, 2. März 2026, 10:11:05 CET schrieb Nora Keller:\n{ASKED}",
    "Claws": f"Works now!\n\nOn Mon, 2 Mar 2026 10:11:05 +0100\n{NORA} wrote:\n\n{ASKED}",
    "The Bat": f"Works now!\n\nMonday, March 2, 2026, 10:11:05 AM, you wrote:\n\n{ASKED}",
    "Gnus": f"Works now!\n\n{NORA} writes:\n\n{ASKED}",
    "Horde": f"Works now!\n\nZitat von {NORA}:\n\n{ASKED}",
    "eM Client": "Works now!\n\n------ Original Message ------\nFrom \"Nora Keller\" <nora@desk.example>\nTo jonas@customer.example\nDate 02/03/2026 10:11:05\nSubject Printer\n\nPlease",
    "Zimbra": f"Works now!\n\n----- Mail original -----\nDe: {NORA}\nÀ: \"Jonas\" <jonas@customer.example>\nEnvoyé: Lundi 2 Mars 2026 10:11:05\nObjet: Imprimante\n\nMerci",
    "Seznam": f"Works now!\n\n---------- Původní e-mail ----------\nOd: {NORA}\nKomu: jonas@seznam.example\nDatum: 2. 3. 2026 10:11:05\nPředmět: Tiskárna\n\nProsím",
    "Freemail": "Works now!\n\n-------- Eredeti levél --------\nFeladó: Nora Keller < nora@desk.example (Link -> mailto:nora@desk.example) >\nDátum: 2026 március 2 10:11:05\nTárgy: Nyomtató\nCímzett: jonas\n\nKérem",
    "QQ": "Works now!\n\n\n\n------------------ 原始邮件 ------------------\n发件人: \"Nora\" <nora@desk.example>;\n发送时间: 2026年3月2日(星期一) 上午10:11\n\nPlease",
    "163": "Works now!\n\n\nAt 2026-03-02 10:11:05, \"Nora Keller\" <nora@desk.example> wrote:\n>Please restart.",
    "Naver": "Works now!\n\n-----Original Message-----\nFrom: \"Nora\"<nora@desk.example>\nTo: <jonas@naver.example>\nCc:\nSent: 2026-03-02 (월) 10:11:05 (GMT+09:00)\n\nPlease",
    "Mail.ru": f"Works now!\n\n\n>Понедельник, 2 марта 2026, 10:11 +03:00 от {NORA}:\n> \n>Перезагрузите\n",
    "Orange": "Works now!\n\n\n> Message du 02/03/26 10:11\n> De : \"Nora Keller\" <nora@desk.example>\n> A : jonas@orange.example\n> Objet : Imprimante\n>\n> Merci",
    "WP": f"Works now!\n\nDnia 2 marca 2026 10:11 {NORA} napisał(a):\n\nProszę",
    "a line broken inside the address": f"Works now!\n\nOn Mon, Mar 2, 2026 at 10:11 AM Nora Keller of the second floor desk <\nnora@desk.example> wrote:\n\n{ASKED}",
    "another desk": f"Works now!\n\n{REPLY_ABOVE}\n\nNora Keller, 2 March, 10:11:\nPlease restart.",
    "three answers deep": f"Works now!\n\nOn 3 Mar 2026 at 08:00, {NORA} wrote:\n> And now?\n>\n> On 2 Mar 2026 at 10:11, Jonas wrote:\n>> No.\n>>> Does it print?",
    "a signature above the quote": f"Works now!\n\n-- \nJonas Berg\nNordlicht AB\nThis mail is confidential.\n\n{BLOCK}\n\nPlease restart.",
    "a phone's line below the name": f"Works now!\nSent from my iPhone\n\n> On 2 Mar 2026, at 10:11, {NORA} wrote:\n> \n{ASKED}",
    "an unknown language": f"Works now!\n\n2.3.2026 10:11 Nora Keller bylerdi:\n\n{ASKED}",
}  # fmt: skip


MORE = {
    'double-spaced outlook': 'Works now!\n\nFrom: Nora Keller <nora@desk.example>\n\nSent: Monday, March 2, 2026 10:11 AM\n\nTo: Jonas\n\nSubject: x\n\nPlease',
    'aboveline': 'Works now!\n\n=-=-= Please reply ABOVE THIS LINE =-=-=\n\nNora wrote...',
    'aboveline de': 'Works now!\n\n-- Bitte antworten Sie oberhalb dieser Linie --\n\nNora schrieb...',
    'aboveline own': 'Works now!\n\n— Reply above this line to add a comment —\n\nNora schrieb...',
    'gmail app es': 'Works now!\n\nEl lun., 2 de marzo de 2026 10:11 a. m., Nora Keller <nora@desk.example> escribió:\n\n> Por',
    'gmail fr old': 'Works now!\n\n2026-03-02 10:11 GMT+01:00 Nora Keller <nora@desk.example>:\n\n> Please',
    'gmail old': 'Works now!\n\nOn Mon, Mar 2, 2026 at 10:11 AM, <nora@desk.example> wrote:\n\nPlease',
    'gmail old de': 'Works now!\n\nAm 2. März 2026 um 10:11 schrieb <nora@desk.example>:\n\nPlease',
    'ios wrap': 'Works now!\n\nOn Mar 2, 2026, at 10:11 AM, Nora Keller\n<nora@desk.example> wrote:\n\n\ufeff\n\nPlease',
    'ios de feff': 'Works now!\n\n> Am 02.03.2026 um 10:11 schrieb Nora Keller <nora@desk.example>:\n> \n> \ufeffBitte',
    'outlook android': 'Works now!\n\nOutlook für Android<https://aka.ms/AAb9ysg> beziehen\n________________________________\nVon: Nora Keller <nora@desk.example>\nGesendet: Montag, 2. März 2026 10:11:05\nAn: J\nBetreff: x\n\nBitte',
    'outlook android en': 'Works now!\n\nGet Outlook for Android<https://aka.ms/AAb9ysg>\n________________________________\nFrom: Nora Keller <nora@desk.example>\nSent: x',
    'outlook holen': 'Works now!\n\nHolen Sie sich Outlook für iOS<https://aka.ms/o0ukef>\n________________________________\nVon: Nora Keller <nora@desk.example>\nGesendet: Montag, 2. März 2026 10:11:05\nAn: J',
    'outlook fr': 'Works now!\n\nObtenir Outlook pour iOS<https://aka.ms/o0ukef>\n________________________________\nDe : Nora Keller <nora@desk.example>\nEnvoyé : lundi 2 mars 2026\nÀ : J',
    'samsung en': 'Works now!\n\n\n\nSent from my Galaxy\n\n\n-------- Original message --------\nFrom: Nora Keller <nora@desk.example>\nDate: 02/03/2026 10:11 (GMT+00:00)\nTo: x',
    'lotus de': 'Works now!\n\n\n\nVon:    Nora Keller/Desk\nAn:     Jonas Berg/Kunde@Kunde\nDatum:  02.03.2026 10:11\nBetreff:        Drucker\n\n\n\nBitte',
    'lotus inline': 'Works now!\n\n\n"Nora Keller" ---02.03.2026 10:11:05---Bitte neu starten.\n\nVon: Nora Keller <n@d.example>\nAn: J\nDatum: 02.03.2026 10:11\nBetreff: x\n',
    'no blank': 'Works now!\nOn Mon, Mar 2, 2026 at 10:11 AM Nora Keller <nora@desk.example> wrote:\n> Please',
    'trailing asterisks': 'Works now!\n\n*Von:* Nora [mailto:nora@desk.example]\n*Gesendet:* Montag, 2. März 2026 10:11\n*An:* J\n*Betreff:* x\n\nBitte',
    'html2text': 'Works now!\n\n**From:** Nora <n@d.example>  \n**Sent:** Monday, March 2, 2026 10:11 AM  \n**To:** J  \n**Subject:** x\n\nBitte',
    'tab labels': 'Works now!\n\nFrom:\tNora\nSent:\tMonday, March 2, 2026 10:11 AM\nTo:\tJ\nSubject:\tx\n\nBitte',
    'basecamp': 'Works now!\n\nOn Mar 2, 2026 10:11, "Nora Keller" <nora@desk.example> wrote:\n\n> x',
    'thunderbird wrap': 'Works now!\n\nAm 02.03.2026 um 10:11 schrieb Nora Keller via der Tischgesellschaft des\nHauses am Fjord:\n> Bitte',
    'quoted header chain': 'Works now!\n\n>> On 1 Mar 2026 at 9:00, Jonas wrote:\n>> old\n> On 2 Mar 2026, Nora wrote:\n> new',
    'Polish KMail': 'Works now!\n\n\nW dniu poniedziałek, 2 marca 2026 10:11:05 CET Nora Keller napisała:\n> x',
    'ru outlook': 'Works now!\n\n-----Исходное сообщение-----\nОт: Nora Keller <nora@desk.example> \nДата: 2 марта\n\nx',
    'ru mailru': 'Works now!\n\n--\nЙонас Берг\nОтправлено из Почты Mail.ru для Android\n\nПонедельник, 2 марта 2026 г., 10:11 +03:00 от Nora Keller <nora@desk.example>:\n\nx',
    'yandex': 'Works now!\n\n\n02.03.2026, 10:11, "Nora Keller" <nora@desk.example>:\n\nx',
    'jp ymobile': 'Works now!\n\n2026年3月2日(月) 午前10:11 Nora Keller <nora@desk.example>:\n\n> x',
    'jp becky': 'Works now!\n\nOn Mon, 2 Mar 2026 10:11:05 +0900\nNora Keller <nora@desk.example> wrote:\n\n> x',
    'jp outlook': 'Works now!\n\n-----Original Message-----\nFrom: Nora Keller <nora@desk.example> \nSent: Monday, March 2\n',
    'jp sig': 'Works now!\n\n--------------------------------------------------\nFrom: "Nora" <n@d.example>\nSent: Monday, March 02, 2026 10:11 AM\nTo: <j@x>\nSubject: Re',
    'cn dingtalk': 'Works now!\n------------------------------------------------------------------\n发件人：Nora <n@d.example>\n日\u3000期：2026年03月02日 10:11:05\n收件人：J\n主\u3000题：x\n\nx',
    'kr daum': 'Works now!\n\n--------- 원본 메일 ---------\n보낸사람: Nora <n@d.example>\n받는사람 : J\n날짜: 2026년 3월 02일 월요일, 10시 11분 05초 +0900\n제목: x\n\nx',
    'Turkish broken line': 'Works now!\n\nNora Keller <nora@desk.example>, 2 Mar 2026 Pzt, 10:11 tarihinde şunu\nyazdı:\n\n> x',
    'hotmail old': 'Works now!\n\nDate: Mon, 2 Mar 2026 10:11:05 +0100\nFrom: nora@desk.example\nTo: j@x\nSubject: Re\n\nx',
    'hotmail old2': 'Works now!\n\n________________________________\n> Date: Mon, 2 Mar 2026 10:11:05 +0100\n> From: nora@desk.example\n> To: j@x\n>\n> x',
    'aol': 'Works now!\n\n\n-----Original Message-----\nFrom: Nora <n@d.example>\nTo: J\nSent: Mon, Mar 2, 2026 10:11 am\nSubject: x\n\nx',
    'aol2': 'Works now!\n\nIn a message dated 3/2/2026 10:11:05 AM Central Standard Time, nora@desk.example writes:\n\nx',
    'gmx en': 'Works now!\n \n\nSent: Monday, March 02, 2026 at 10:11 AM\nFrom: "Nora" <n@d.example>\nTo: j\nSubject: x\n\nx',
    'mailchimp': 'Works now!\n\n-- \nJonas\n\n\nAm 2.3.26, 10:11, schrieb Nora:\n> x',
    'sogo': 'Works now!\n\nLe Lundi, Mars 02, 2026 10:11 CET, Nora Keller <nora@desk.example> a écrit: \n> x',
    'free.fr': 'Works now!\n\nLe 2 mars 2026 10:11:05 GMT+01:00, Nora Keller <nora@desk.example> a écrit :\n>x',
    'Posteo': 'Works now!\n\nAm 02.03.2026 10:11 schrieb Nora Keller:\n> x',
    'mimestream': 'Works now!\n\n> On Mar 2, 2026, at 10:11 AM, Nora wrote:\n>\n> x',
    'hey': 'Works now!\n\nOn March 2, 2026, Nora Keller <nora@desk.example> wrote:\n\n> x',
    'helpscout': 'Works now!\n\nOn Mon, Mar 2, 2026 at 10:11am, Nora <n@d.example> wrote:\nx',
    'canary': 'Works now!\n\n\n> On Monday, Mar 02, 2026 at 10:11 AM, Nora Keller <nora@desk.example (mailto:nora@desk.example)> wrote:\n> x',
    'edison': 'Works now!\n\nSent via EdisonMail (https://mailapp.onelink.me/107872044?pid=nativeplacement&c=Global_Acquisition_YMktg_315_SearchOrgConquer_EmailSignature&af_sub1=Acquisition)\n\nOn Mar 2, 2026 at 10:11 AM, Nora <n@d.example> wrote:\nx',
    'newton': 'Works now!\n\n- Sent from my phone\n\nOn Mon, 02 Mar 2026 at 10:11 AM Nora < [n@d.example](mailto:n@d.example) > wrote:\nx',
    'nine': 'Works now!\n\n---\nSent from Nine\n________________________________\nFrom: Nora <n@d.example>\nSent: Monday, March 2, 2026 10:11\nTo: x',
    'bluemail': 'Works now!\n\nSent from BlueMail for Android\nOn Mar 2, 2026, at 10:11, Nora <n@d.example> wrote:\n>x',
    'zimbra sep': 'Works now!\n\n> From: "Nora" <n@d.example>\n> To: j\n> Sent: Monday, 2 March, 2026 10:11:05\n> Subject: x\n\n> x',
    'groupwise': 'Works now!\n\n>>> Nora Keller <nora@desk.example> 02.03.2026 10:11 >>>\nx',
    'groupwise2': 'Works now!\n\n>>> "Nora Keller" <nora@desk.example> 3/2/2026 10:11 AM >>>\nPlease restart',
    'sap': 'Works now!\n\n- - - - - - - - -\nVon: Nora\nGesendet: 2.3.2026 10:11\nAn: J\n\nx',
    'iphone it': 'Works now!\n\nInviato da iPhone\n\nIl giorno 2 mar 2026, alle ore 10:11, Nora Keller <nora@desk.example> ha\nscritto:\n\n\ufeffx',
    'pt sapo': 'Works now!\n\nCitando Nora Keller <nora@desk.example>:\n\n> x',
    'nl ziggo': 'Works now!\n\nVan: Nora Keller\nVerzonden: maandag 2 maart 2026 10:11\nAan: j\nOnderwerp: x\n\nx',
    'Dutch': 'Works now!\n\nOp 2-3-2026 om 10:11 schreef Nora Keller:\n> x',
    'se telia': 'Works now!\n\n----Ursprungligt meddelande----\nFrån : nora@desk.example\nDatum : 2026-03-02 - 10:11 (CET)\nTill : j\nÄmne : x\n\nx',
    'Norwegian iPhone': 'Works now!\n\n> 2. mars 2026 kl. 10:11 skrev Nora <n@d.example>:\n> \n> x',
    'fi telia': 'Works now!\n\n-----Original Message-----\nx',
    'Hungarian': 'Works now!\n\n2026-03-02 10:11 időpontban Nora Keller ezt írta:\n> x',
    'he outlook': 'Works now!\n\n\u200fמאת: Nora\nנשלח: יום שני 2 מרץ 2026 10:11\nאל: J\nנושא: x\n\nx',
    'android': 'Works now!\n\n---- Nora Keller wrote ----\n\nPlease restart.',
    'android de': 'Works now!\n\n---- Nora Keller schrieb ----\n\nBitte',
    'said': 'Works now!\n\nOn Tue, 22 Jul 2014, Nora Keller <nora@desk.example> said:\n\n> x',
    'says': 'Works now!\n\nOn Tue, 22 Jul 2014 10:11 Nora says:\n> x',
    'date first': 'Works now!\n\n2015-10-18 0:17 GMT+03:00 Nora Keller <nora@desk.example>:\n\n> x',
    'date first no time': 'Works now!\n\n2014/11/1 Nora Keller <nora@desk.example>\n\n> x',
    'via': 'Works now!\n\nNora Keller via Desk wrote:\n\n> x',
    'via2': 'Works now!\n\nNora Keller <nora@desk.example> wrote:\n\nPlease',
    'hh:mm vi': 'Works now!\n\nVào 14:24 8 tháng 6, 2017, Hùng <hung@desk.example> đã viết:\n\n> x',
    'no, again': 'Works now!\n\nPå 2. mar. 2026 10:11 skrev Nora:\n\n> x',
    'david': 'Works now!\n\nOriginal Message processed by david®\nRe: x 2. März 2026, 10:11 Uhr\nVon Nora Keller\nAn Jonas\n\nBitte',
    'absender': 'Works now!\n\nAbsender: Nora\nDatum: 2.3.2026 10:11\nEmpfänger: J\nBetreff: x\n\nBitte',
    'fr2': 'Works now!\n\nExpéditeur: Nora <n@d.example>\nDate: 2 mars 2026 à 10:11:05 UTC+1\nDestinataire: j\nObjet: x\n\nB',
    'fr3': 'Works now!\n\nDe: Nora <n@d.example>\nDate: 2 mars 2026 à 10:11:05 UTC+1\nÀ: j\nObjet: x\nRépondre à: y\n\nB',
    'es': 'Works now!\n\nRemitente: Nora\nFecha: 2/3/2026 10:11\nDestinatario: J\nAsunto: x\n\nx',
    'bracket': 'Works now!\n\nOn Mar 2, 2026 10:11 AM, Nora Keller [nora@desk.example] wrote:\nx',
    'gh': 'Works now!\n\n—\nReply to this email directly or view it on GitHub\n<https://github.com/x/y/issues/1#issuecomment-1>.',
    'gh2': 'Works now!\n\nOn Mon, Mar 2, 2026 at 10:11 AM, Nora <notifications@github.com> wrote:\n\n> x\n>\n> —\n> Reply to this email directly or view it on GitHub\n> <https://github.com/x>\n> .\n>',
    'list': 'Works now!\n\n_______________________________________________\nusers mailing list\nusers@lists.example\nhttps://lists.example/mailman/listinfo/users\n',
    'google groups': 'Works now!\n\n-- \nYou received this message because you are subscribed to the Google Groups "x" group.\nTo unsubscribe',
    'linewrap colon': 'Works now!\n\nOn Mon, Mar 2, 2026 at 10:11 AM, Nora Keller <nora@desk.example>\nwrote:\n> x',
    '3 line': 'Works now!\n\nOn Monday, March 2, 2026 10:11 AM,\nNora Keller of the Desk\n<nora@desk.example> wrote:\n> x',
    'outlook cc': 'Works now!\n\nFrom: Nora Keller <nora@desk.example>\nSent: Monday, March 2, 2026 10:11 AM\nTo: Jonas Berg; Maria Rossi;\n\tSam Okafor\nCc: x; y\nSubject: RE: a very long subject that\n wraps\nImportance: High\n\nPlease',
    'date em': 'Works now!\n\nEm seg, 2 de mar de 2026 10:11, Nora <n@d.example> escreveu:\nx',
    'it2': 'Works now!\n\nIl 02/03/26 10:11, Nora Keller ha scritto:\nx',
    'it3': 'Works now!\n\nDa: Nora [mailto:n@d.example] \nInviato: lunedì 2 marzo 2026 10:11\nA: j\nOggetto: x',
    'pl2': 'Works now!\n\n2 marca 2026 10:11 Nora Keller <n@d.example> napisał:\n> x',
    'cs2': 'Works now!\n\n______________________________________________________________\n> Od: Nora <n@d.example>\n> Komu: j\n> Datum: 02.03.2026 10:11\n> Předmět: x\n>\n> x',
    'hu2': 'Works now!\n\nNora Keller <n@d.example> (időpont: 2026. márc. 2., H 10:11) ezt írta:\n> x',
    'ja2': 'Works now!\n\n2026年3月2日月曜日 Nora Keller nora@desk.example:\n\n> x',
    'zh2': 'Works now!\n\nNora Keller <nora@desk.example>于2026年3月2日 周一上午10:11写道：\n> x',
    'zh3': 'Works now!\n\n在2026年03月02 10时11分, "Nora"<nora@desk.example>写道:\n\nx',
    'ru2': 'Works now!\n\n2 марта 2026 г. 10:11 пользователь Nora Keller <n@d.example> написал:\n> x',
    'uk2': 'Works now!\n\n2 березня 2026 р. 10:11 Nora <n@d.example> пише:\n> x',
    'de wrap': 'Works now!\n\nAm Mo., 2. März 2026 um 10:11 Uhr schrieb Nora Keller von der Tischgesellschaft <\nnora@desk.example>:\n\n> x',
    'de2': 'Works now!\n\nNora Keller schrieb am 02.03.2026 um 10:11:\n> x',
    'de3': 'Works now!\n\nNora Keller <n@d.example> hat am 02.03.2026 10:11 geschrieben:\n\n \nx',
    'fr4': 'Works now!\n\nLe lundi 2 mars 2026 à 10:11:05 UTC+1, Nora <n@d.example> a écrit :\n\nx',
    'fr5': 'Works now!\n\nLe lun. 2 mars 2026 10:11, Nora <n@d.example> a\nécrit :\n\n> x',
    'nl2': 'Works now!\n\nNora Keller <n@d.example> schreef op 2 maart 2026 10:11:\n\n> x',
    'tr2': 'Works now!\n\n2 Mart 2026 Pazartesi tarihinde Nora <n@d.example> şöyle yazdı:\n> x',
    'ro2': 'Works now!\n\nÎn lun., 2 mar. 2026, 10:11 Nora Keller, <n@d.example> a scris:\n> x',
    'fi2': 'Works now!\n\nma 2. maalisk. 2026 klo 10.11 Nora <n@d.example> kirjoitti:\n> x',
    'sv2': 'Works now!\n\nFrån: Nora <n@d.example>\nDatum: måndag 2 mars 2026 10:11\nTill: j\nÄmne: x\n\nx',
    'da2': 'Works now!\n\nD. 2. mar. 2026 10.11 skrev Nora <n@d.example>:\n> x',
}  # fmt: skip


@pytest.mark.parametrize("program", [*PLAIN, *MORE])
def test_what_programs_quote_in_plain_text_is_cut(program):
    split = split_reply((PLAIN | MORE)[program])
    assert split.visible.strip() == "Works now!"
    assert split.quoted


HTML = {
    "Gmail": '<div dir="ltr">Works now!</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">Em seg. Nora &lt;<a href="mailto:n@d.example">n@d.example</a>&gt; x:<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">Please restart</blockquote></div>',
    "Outlook on the web": '<div class="elementToProof">Works now!</div><div id="appendonsend"></div><hr style="display:inline-block;width:98%"><div id="divRplyFwdMsg" dir="ltr"><b>Lähettäjä</b> Nora</div><div>Please restart</div>',
    "new Outlook": '<div>Works now!</div><div id="mail-editor-reference-message-container"><div><b>From:</b> Nora</div><div>Please restart</div></div>',
    "Word": '<div class="WordSection1"><p class="MsoNormal">Works now!</p><div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>Kimden:</b> Nora</p></div></div><p class="MsoNormal">Please restart</p></div>',
    "Apple Mail": '<body>Works now!<div><br><blockquote type="cite"><div>2. 3. 2026 v 10:11, Nora:</div><br><div>Please restart</div></blockquote></div></body>',
    "Thunderbird": '<p>Works now!</p><div class="moz-cite-prefix">Nora skrifaði:<br></div><blockquote type="cite" cite="mid:x@y">Please restart</blockquote>',
    "Yahoo": '<div class="ydp1yahoo-style-wrap"><div>Works now!</div></div><div id="ydp77a1yahoo_quoted_81" class="ydp77a1yahoo_quoted"><div>Am Montag schrieb Nora:</div><div>Please restart</div></div>',
    "Proton Mail": '<div>Works now!</div><div class="protonmail_quote">On Monday, Nora wrote:<br><blockquote class="protonmail_quote" type="cite">Please restart</blockquote></div>',
    "web.de": '<div>Works now!</div><div name="quote" style="margin:10px 5px 5px 10px; border-left:2px solid #C3D9E5"><div>Nora hat geschrieben</div><div>Please restart</div></div>',
    "Tuta": '<div>Works now!</div><div>2 Mar 2026, 10:11 by nora@desk.example:<br></div><blockquote class="tutanota_quote" style="border-left: 1px solid #93A3B8">Please restart</blockquote>',
    "Zoho": '<div>Works now!</div><div class="zmail_extra_hr"></div><div class="zmail_extra"><div id="Zm-_Id_-Sgn1">---- Nora wrote ---</div><blockquote><div>Please restart</div></blockquote></div>',
    "Fastmail": '<div>Works now!</div><div>On Mon, 2 Mar 2026, at 10:11 AM, Nora Keller wrote:<br></div><blockquote type="cite" id="qt"><div>Please restart</div></blockquote>',
    "Missive": '<div>Works now!</div><div class="missive_quote">Nora<blockquote>Please restart</blockquote></div>',
    "Lotus Notes": "<font>Works now!</font><br><br><font>From: &nbsp; &nbsp;Nora &lt;n@d.example&gt;</font><br><font>To: &nbsp;jonas</font><br><font>Date: &nbsp;02/03/2026 10:11</font><br><font>Subject: &nbsp;Printer</font><br><hr noshade><br>Please restart",
    "Spark": '<html><body><div name="messageBodySection">Works now!</div><div name="messageReplySection">On 2 Mar 2026, Nora:<br><blockquote type="cite" class="spark_quote">Please restart</blockquote></div></body></html>',
    "an unknown program": '<p>Works now!</p><p>Nora el 2.3.2026 10:11:</p><blockquote style="border-left:2px solid #ccc;padding-left:8px">Please restart</blockquote>',
    'outlook desktop de': '<html xmlns:o="urn:schemas-microsoft-com:office:office"><body lang=DE><div class="WordSection1"><p class="MsoNormal">Works now!<o:p></o:p></p><p class="MsoNormal"><o:p>&nbsp;</o:p></p><div><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p class="MsoNormal"><b>Von:</b> Nora Keller &lt;nora@desk.example&gt; <br><b>Gesendet:</b> Montag, 2. März 2026 10:11<br><b>An:</b> Jonas<br><b>Betreff:</b> AW: Drucker<o:p></o:p></p></div></div><p class="MsoNormal">Bitte neu starten.</p></div></body></html>',
    'outlook mac': '<div><p>Works now!</p><div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0in 0in 0in"><p><b><span>From: </span></b><span>Nora &lt;n@d.example&gt;<br><b>Date: </b>Monday, 2 March 2026 at 10:11<br><b>To: </b>J<br><b>Subject: </b>x</span></p></div><div><p>Please restart</p></div></div>',
    'owa old': '<div style="direction:ltr;font-family:Tahoma">Works now!<br><div style="font-family:Times New Roman"><hr tabindex="-1"><div style="direction:ltr" id="divRpF541243"><font><b>From:</b> Nora [n@d.example]<br><b>Sent:</b> Monday, March 02, 2026 10:11 AM<br><b>To:</b> J<br><b>Subject:</b> x<br></font><br></div><div></div><div>Please restart</div></div></div>',
    'outlook ios': '<html><body><div dir="ltr">Works now!</div><div class="ms-outlook-ios-signature">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font><b>From:</b> Nora<br><b>Sent:</b> Monday, March 2, 2026 10:11:05 AM</font></div><div>Please</div></body></html>',
    'outlook android': '<div>Works now!</div><div id="ms-outlook-mobile-signature"><div></div>Holen Sie sich <a href="https://aka.ms/AAb9ysg">Outlook für Android</a></div><div id="mail-editor-reference-message-container"><hr><div><b>Von:</b> Nora</div><div>Bitte</div></div>',
    'gmail inline': '<div dir="ltr"><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, Mar 2, 2026 at 10:11 AM Nora &lt;<a href="mailto:n@d.example">n@d.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex">Does it print?</blockquote><div>Works now!</div></div></div>',
    'apple ios': '<html><body dir="auto">Works now!<br><br><div dir="ltr">Von meinem iPhone gesendet</div><div dir="ltr"><br><blockquote type="cite">Am 02.03.2026 um 10:11 schrieb Nora &lt;n@d.example&gt;:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">Bitte</div></blockquote></body></html>',
    'thunderbird bottom': '<div class="moz-cite-prefix">Am 02.03.26 um 10:11 schrieb Nora:<br></div><blockquote type="cite" cite="mid:x"><p>Geht es?</p></blockquote><p>Works now!</p>',
    'thunderbird sig': '<p>Works now!</p><div class="moz-signature">-- <br>Jonas Berg</div><div class="moz-cite-prefix">Am 02.03.26 um 10:11 schrieb Nora:<br></div><blockquote type="cite"><p>Geht es?</p></blockquote>',
    'samsung': '<html><body dir="auto">Works now!<div dir="auto"><br></div><div id="composer_signature" dir="auto">Von meinem/meiner Galaxy gesendet</div><div><br></div><div align="left" dir="auto" style="font-size:100%;color:#000000"><div>-------- Ursprüngliche Nachricht --------</div><div>Von: Nora &lt;n@d.example&gt; </div><div>Datum: 02.03.26  10:11  (GMT+01:00) </div><div>An: j </div><div>Betreff: x </div><div><br></div></div><div>Bitte</div></body></html>',
    'gmx web': '<html><head></head><body><div style="font-family: Verdana;font-size: 12.0px;"><div>Works now!</div><div>&nbsp;<div name="quote" style="margin:10px 5px 5px 10px; padding: 10px 0 10px 10px; border-left:2px solid #C3D9E5;"><div style="margin:0 0 10px 0;"><b>Gesendet:</b>&nbsp;Montag, 02. März 2026<br/><b>Von:</b>&nbsp;Nora<br/><b>An:</b>&nbsp;j<br/><b>Betreff:</b>&nbsp;x</div><div name="quoted-content">Bitte</div></div></div></div></body></html>',
    'yahoo': '<html><body><div class="ydp yahoo-style-wrap"><div dir="ltr">Works now!</div><div><br></div></div><div id="yahoo_quoted_7413" class="yahoo_quoted"><div style="font-family:Helvetica"><div>On Monday, March 2, 2026, 10:11:05 AM GMT+1, Nora &lt;n@d.example&gt; wrote:</div><div><br></div><div>Please</div></div></div></body></html>',
    'yahoo android': 'Works now!<br><br><div id="ymail_android_signature"><a href="https://mail.onelink.me/x">Sent from Yahoo Mail on Android</a></div> <br> <blockquote style="margin: 0 0 20px 0;"> <div style="font-family:Roboto; color:#6D00F6;"> <div>On Mon, Mar 2, 2026 at 10:11, Nora</div><div>&lt;n@d.example&gt; wrote:</div> </div> <div style="padding: 10px 0 0 20px; border-left: 1px solid #6D00F6;">Please</div> </blockquote>',
    'hr only': '<p>Works now!</p><hr><p>From: Nora &lt;n@d.example&gt;<br>To: j<br>Sent: Mon 2 Mar 2026 10:11<br>Subject: x</p><p>Please</p>',
    'zendesk': '<div>Works now!</div><blockquote><div style="color:#b5b5b5">##- Please type your reply above this line -##</div><p>Nora Keller, 2 Mar</p><p>Please</p></blockquote>',
    'freshdesk': '<div>Works now!</div><div class="freshdesk_quote"><blockquote class="freshdesk_quote">On Mon, 2 Mar at 10:11 , Nora wrote:<div>Please</div></blockquote></div>',
    'mailspring': '<div>Works now!</div><div class="gmail_quote_attribution">On Mar 2 2026, at 10:11 am, Nora wrote:</div><blockquote><div>Please</div></blockquote>',
    'kmail': '<html><body><p>Works now!</p><br /><br /><p>Am Montag, 2. März 2026, 10:11:05 CET schrieb Nora:</p><br /><p>&gt; Bitte</p><p>&gt; neu</p></body></html>',
    'table block': '<p>Works now!</p><table><tr><td>From:</td><td>Nora &lt;n@d.example&gt;</td></tr><tr><td>Sent:</td><td>Monday, March 2, 2026 10:11 AM</td></tr><tr><td>To:</td><td>j</td></tr><tr><td>Subject:</td><td>x</td></tr></table><p>Please</p>',
    'front': '<div>Works now!</div><br><blockquote type="cite" class="front-blockquote front-blockquote-collapsed"><div>On March 2, 2026, Nora wrote:</div>Please</blockquote>',
    'outlook blockquote color': '<div>Works now!</div><blockquote style="BORDER-LEFT: #000000 2px solid; PADDING-LEFT: 5px"><div>----- Original Message -----</div><div><b>From:</b> Nora</div><div><b>To:</b> j</div><div><b>Sent:</b> Monday 10:11</div>Please</blockquote>',
    'proton': '<div style="font-family:Arial">Works now!</div><div class="protonmail_signature_block"><div class="protonmail_signature_block-proton">Sent with <a href="https://proton.me/">Proton Mail</a> secure email.</div></div><div class="protonmail_quote">On Monday, March 2nd, 2026 at 10:11 AM, Nora &lt;n@d.example&gt; wrote:<br><blockquote class="protonmail_quote" type="cite">Please</blockquote></div>',
    'spike': '<div>Works now!</div><div id="spike-quote"><div>On 2 March 2026 at 10:11, Nora &lt;n@d.example&gt; wrote:</div><blockquote>Please</blockquote></div>',
    'icloud': '<div>Works now!</div><blockquote type="cite" style="border-left-style:solid;border-width:1px;margin-left:0px;padding-left:10px"><p>On Mar 2, 2026, at 10:11 AM, Nora wrote:<br></p><div>Please</div></blockquote>',
    'roundcube html': '<p>Works now!</p><p id="reply-intro">Am 2026-03-02 10:11, schrieb Nora:</p><blockquote type="cite" style="padding: 0 0.4em; border-left: #1010ff 2px solid; margin: 0">Bitte</blockquote>',
    'zimbra': '<div style="font-family: arial"><div>Works now!</div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>De: </b>"Nora" &lt;n@d.example&gt;<br><b>À: </b>"J"<br><b>Envoyé: </b>Lundi 2 Mars 2026 10:11:05<br><b>Objet: </b>x<br></div><div data-marker="__QUOTED_TEXT__">Merci</div></div>',
    'sogo': 'Works now!<br><br>Le Lundi, Mars 02, 2026 10:11 CET, Nora &lt;n@d.example&gt; a écrit:<br>&nbsp;<blockquote type="cite" cite="x">Merci</blockquote>',
    'rainloop': '<div>Works now!</div><br />2. März 2026 10:11, "Nora Keller" &lt;<a href="mailto:n@d.example">n@d.example</a>&gt; schrieb:<br /><blockquote><div>Bitte</div></blockquote>',
    'ox': '<p>Works now!</p><blockquote type="cite"><div>Nora Keller &lt;n@d.example&gt; hat am 02.03.2026 10:11 CET geschrieben:</div><div>Bitte</div></blockquote>',
}  # fmt: skip


@pytest.mark.parametrize("program", HTML)
def test_what_programs_quote_in_html_is_cut(program):
    split = split_reply("", HTML[program])
    assert split.visible.strip() == "Works now!"
    assert any(word in split.quoted for word in ("Please", "Bitte", "Merci", "print?", "Geht"))


LAID_OUT = [
    '<p>See:</p><blockquote style="margin:0 0 0 40px"><p>Room 4</p></blockquote>',
    '<p>See:</p><blockquote style="margin: 0px 0px 0px 40px; border: none; padding: 0px;">Room 4</blockquote>',
    "<p>First part</p><hr><p>Room 4</p>",
    '<p>Hello</p><div style="border-top:1px solid #ccc"><p>Room 4</p></div>',
    '<div dir="ltr">For you<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: <b>Nora</b></div>Room 4</div></div>',
]  # fmt: skip


@pytest.mark.parametrize("html", LAID_OUT)
def test_words_an_editor_laid_out_are_no_quote(html):
    assert "Room 4" in split_reply("", html).visible


KEPT = {
    "mutt, answered piece by piece": f"On Mon, Mar 02, 2026 at 10:11:05AM +0100, {NORA} wrote:\n> Which driver?\n\n4.2\n\n> Since when?\n\nTuesday",
    "words above, between and below": "Hi,\n\n> Which driver?\n4.2\n\n> Since when?\nTuesday\n\nJonas",
    "a question quoted from a manual": "The manual says:\n\n> Never open the lid.\n\nBut how else do I get the paper out?",
    "a log": "It says:\n\n2026-03-02 10:11:05 ERROR printer: lid open\n2026-03-02 10:11:06 ERROR printer: gave up\n\nWhat now?",
    "an address in a sentence": "On 2 March 2026 at 10:11 I wrote to info@desk.example: no answer so far.\nPlease help.",
    "a sentence that ends with a colon": "Am 2. März 2026 um 10:11 kam diese Meldung:\n\nFehler 49\n\nWas tun?",
    "a table of labels": "My details:\n\nName: Jonas\nDate: 2 March 2026\nTo: be agreed\nSubject: chemistry\n\nThanks",
    "dates in a list": "We could meet:\n- Mon, 2 Mar 2026 at 10:11\n- Tue, 3 Mar 2026 at 11:00\nWhich one?",
    "an answer of one word below": f"On 2 Mar 2026 at 10:11, {NORA} wrote:\n> Does it print?\n\nNo",
    "advertising in a sentence": "Sent from the warehouse on Monday, arrived broken.\n\nThanks",
    "a product as an answer": "You asked which phone.\n\niPhone 14",
    "headings drawn with dashes": "--- First question ---\nDoes it print?\n--- Second question ---\nSince when?",
    "a forward": f"Please see below.\n\n---------- Forwarded message ---------\nFrom: {NORA}\nDate: Mon, 2 Mar 2026\n\nIt broke.",
    "a forward by Apple": f"Please see below.\n\nAnfang der weitergeleiteten Nachricht:\n\n> Von: {NORA}\n> Datum: 2. März 2026\n>\n> Es ist kaputt.",
    "a conversation retold": "I wrote:\n\"does it print?\"\nand the shop wrote:\n\"no\"",
    "a sentence broken behind the word": "Dear desk,\non 3 March 2026 at 10:11 our manager wrote\na complaint, see below.",
    "what somebody said": "As I told you, on 3 March at 10:11 she said:\nit will work. It does not.",
    "hours": "From: 10:00\nTo: 12:00\nDate: 3 March 2026\n\nis that ok?",
    "SQL": "I ran\n\nSQL> select 1\n\nand it hung.",
}  # fmt: skip


@pytest.mark.parametrize("case", KEPT)
def test_words_that_only_look_like_history_stay(case):
    visible = split_reply(KEPT[case]).visible
    for word in KEPT[case].replace(NORA, "").split():
        assert word in visible or word in ("On", "wrote:", "Mon,", "Mar", "02,", "2026", "at", ">", "10:11:05AM", "+0100,", "10:11,", "2", "Does", "it", "print?")  # fmt: skip


ORDINARY = [
    'Please book:\n\nFrom: Oslo\nTo: Bergen\nDate: 3 March 2026\n\nThanks',
    'Please book:\n\nVon: Oslo\nNach: Bergen\nDatum: 3. März 2026 10:30\n\nDanke',
    'Hallo,\n\nam 2. März 2026 um 10:11 Uhr schrieb ich Ihnen:\n\n"Der Drucker geht nicht."\n\nBis heute keine Antwort.',
    'Hello,\n\nOn March 2, 2026 at 10:11 I wrote:\n\n"It does not print."\n\nNo answer.',
    'Am 02.03.2026 um 10:11 habe ich geschrieben:\n\nEs geht nicht.\n\nUnd nun?',
    'It is on its way.\n\nSent from Oslo, should arrive Monday',
    'Part one is fine.\n\n1) On 3 March 2026 at 10:30 the light went red\n2) On 4 March 2026 at 11:30 it went out\n\nWhat is it?',
    'Meeting notes:\n\nDate: 3 March 2026 10:30\nTo: all\n\nWe agreed.',
    'Rechnung\n\nNo: 4711\nDatum: 3.3.2026\nAn: Jonas Berg\n\nStimmt das?',
    'Termin:\n\nWann: 3. März 2026 10:30\nWo: Oslo\n\nPasst das?',
    'Der Fehler:\n\n02.03.2026 10:11:05: Deckel offen\n02.03.2026 10:11:06: Abbruch\n\nWas tun?',
    'WhatsApp:\n\n02.03.26, 10:11 - Nora Keller: Hallo\n02.03.26, 10:12 - Jonas: Ja\n\nSo war es.',
    '[10:11, 2.3.2026] Nora: hi\n[10:12, 2.3.2026] Jonas: yes\n\nthat is all',
    'My log:\n\nTue Mar  3 10:11:05 2026 printd[12]: open /dev/lp0:\nTue Mar  3 10:11:06 2026 printd[12]: failed\n\nwhy?',
    'Steps:\n1. open the lid\n2. wait until 10:30\n3. close it: done\n\nStill broken.',
    'Betreff: Drucker\nDatum: 3.3.2026\n\nHallo, er geht nicht.',
    'Kommunikation:\nan: 10 Uhr\nvon: mir\n\nok?',
    'Le technicien a écrit :\n\n« tout va bien »\n\nmais non.',
    'Dear Nora,\n\nthe manual says: "On 2 March 2026 ..." What is meant?\n\nBest wishes\nJonas Berg\nNordlicht AB\nTel. +47 1234\njonas@nordlicht.example',
    'Hi,\nplease change my address:\nOld: a@b.example\nNew: c@d.example (from 2 March 2026, 10:00):\nthanks',
    'Für Sie zur Kenntnis:\n\nKunde: Berg\nGesendet: ja\nBezahlt: nein',
    'Paket:\n\nAbsender: Nora Keller\nEmpfänger: Jonas Berg\nDatum: 3.3.2026\n\nwo ist es?',
]  # fmt: skip


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_letters_stay_whole(text):
    assert split_reply(text).visible == text


@pytest.mark.parametrize("prefix", ["Fwd: ", "FW: ", "WG: ", "TR : ", "RV: ", "VS: Fwd: "])
def test_what_a_subject_calls_forwarded_is_not_history(prefix):
    text = f"For you.\n\n{BLOCK}\n\nIt broke again."
    is_forward = not prefix.startswith("VS")
    assert ("It broke again." in split_reply(text, subject=f"{prefix}Printer").visible) is is_forward
    assert "It broke again." not in split_reply(text, subject="Re: Fwd: Printer").visible


def test_nothing_is_ever_shown_empty():
    for text in [*PLAIN.values(), ASKED, BLOCK, "-- \nJonas", REPLY_ABOVE, "\n\n> x"]:
        assert split_reply(text).visible.strip()


WEARING = [
    "On 1 May 2026 at 10:11 x wrote",
    "From: a",
    "> q",
    "<a@b.example> 1.2.2026 10:11:",
    "On " * 120,
    "Sent from my iPhone",
    "--",
]


def calls(function, *arguments):
    """How many functions are called on the way: the same on every machine."""
    count = 0

    def note(_frame, event, _argument):
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("line", [*WEARING, "\n".join(WEARING)])
def test_eight_times_the_lines_are_eight_times_the_work(line):
    lines = 240 // len(line.split("\n"))
    short, long = ("\n".join([line] * count) for count in (lines, 8 * lines))
    assert calls(split_reply, long) < 9 * calls(split_reply, short)

"""Mail as bytes and values: parsing, classifying, splitting, threading, composing.

Pure: no Flask, no database, no sockets, no clock. Whatever arrives, these functions return a value; only `compose`
raises, when what was asked for cannot be said safely in a mail. Nothing here needs the rest of the desk.

- `parse.parse(raw)`: any bytes to a `types.ParsedEmail` with clean text, files, who wrote it, whether a machine did,
  a delivery report's recipients, and what it holds besides words (`types.Particular`); `parse.glance(raw)` for lists
- `quotes.split_reply(text, html, subject=...)`: what the sender newly wrote, apart from the history below
- `html.clean_html(html)` for a sandboxed frame, `html.html_to_text(html)` for search
- `thread.evidence(mail, ...)`: what a mail says about the ticket it belongs to; ids and tokens signed by this desk
- `compose.compose(draft)`: finished bytes, read back before they are believed
- `markdown.to_html(source, pictures=...)`, `markdown.to_plain(source)`: what agents write
- the readers of single things: `invitation`, `tnef`, `smime`, `pgp`, `uuencoded`, `rtf`, `bounce`, `charset`

>>> from helpdesk.mail.parse import parse
>>> from helpdesk.mail.quotes import split_reply
>>> raw = b'''From: =?utf-8?q?J=C3=B6rg?= <joerg@customer.example>
... Subject: Re: [TKT-2026-00042] Printer
... Message-ID: <1@customer.example>
... Content-Type: text/plain; charset=utf-8
...
... It prints again, thank you!
...
... On Mon, Mar 2, 2026 at 10:11 AM Nora <nora@desk.example> wrote:
... > Please restart it.
... '''
>>> mail = parse(raw)
>>> mail.author
Address(email='joerg@customer.example', name='Jörg')
>>> split_reply(mail.text, mail.html, subject=mail.subject).visible
'It prints again, thank you!'
>>> mail.automatic, mail.bounce, mail.problems
(<Automatic.NO: 'no'>, None, ())
>>> parse(bytes(range(256))).is_partial
False
"""

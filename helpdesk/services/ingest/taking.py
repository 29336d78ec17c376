"""Makes of a mail that is heard a ticket, a comment, a note or an answer of the team."""

from __future__ import annotations

from helpdesk.database import db
from helpdesk.mail.authentication import Verdict
from helpdesk.mail.thread import without_markers
from helpdesk.mail.types import Address, Automatic
from helpdesk.models import Comment, EmailAccount, Ticket, UserAddress
from helpdesk.models.mail import EmailState
from helpdesk.policy.status import Disposition
from helpdesk.services import events, people, routing, settings
from helpdesk.services.ingest import agents, copies, forwards, refusing, spam
from helpdesk.services.ingest.delivery import NOTHING, Delivery, Outcome
from helpdesk.services.ingest.reading import UNVERIFIED_EMAIL, UNVERIFIED_NAME
from helpdesk.services.ingest.trace import Sentence
from helpdesk.services.routing import Route, RouteKind
from helpdesk.services.tickets import changing, comments, opening
from helpdesk.services.tickets.comments import Words

MACHINES = frozenset({Automatic.REPLY})
# A stranger who answers may be an agent's second address: to tell the agent would be answered by it once more.
ANY_MACHINE = frozenset(Automatic) - {Automatic.NO}


def take_in(mail: Delivery) -> Outcome:
    account = db.session.get_one(EmailAccount, mail.own.owner(mail.reading.parsed, mail.email.account_id))
    author = people.find_address(mail.reading.author.email) if mail.reading.author else None
    route = _route(mail, account, author)
    if route.is_agent and route.kind is not RouteKind.NEW and agents.is_machine(mail):
        return agents.ignore(mail)
    match route.kind:
        case RouteKind.NEW:
            return _open_new(mail, account, author, route)
        case RouteKind.APPEND | RouteKind.UNRELEASED:
            assert route.ticket is not None
            return _append(mail, route, route.ticket)
        case RouteKind.NOTE:
            assert route.ticket is not None and author is not None
            return _note(mail, route.ticket, author)
        case RouteKind.REPLY:
            assert route.ticket is not None and author is not None
            return _answer(mail, route.ticket, author)
        case RouteKind.HOLD:
            assert author is not None
            if mail.is_forced:  # somebody has read it and wants it to be a ticket of its own
                return _open(mail, account, Route(RouteKind.NEW, may_belong_to=route.ticket))
            return agents.refuse(mail, author, route.reason)


def _route(mail: Delivery, account: EmailAccount, author: UserAddress | None) -> Route:
    """Where it belongs, and that ticket held: what is merged or put away in this moment takes the words along."""
    evidence, dmarc = mail.reading.evidence, mail.authentication.verdict
    told = len(mail.trace.steps)
    while True:
        route = routing.route(evidence, account, author, mail.trace, dmarc=dmarc)
        if route.ticket is None:
            return route
        changing.hold(route.ticket)
        if route.ticket.disposition is Disposition.NORMAL:
            return route
        del mail.trace.steps[told:]


def _open_new(mail: Delivery, account: EmailAccount, author: UserAddress | None, route: Route) -> Outcome:
    """A proven agent may forward as many mails of customers as he likes; anybody else may be a flood."""
    if route.is_agent and author is not None and not agents.is_machine(mail):
        inner = forwards.inner_of(mail, author)
        if inner is not None:
            return forwards.open_for(mail, account, author, inner)
    return refusing.refuse_new(mail, author) or _open(mail, account, route)


def _sender(mail: Delivery) -> UserAddress:
    """The author's address, known from now on; a stand-in that is never written to for who cannot be told."""
    author = mail.reading.author
    if author is None:
        return people.address_for(UNVERIFIED_EMAIL, UNVERIFIED_NAME)
    return people.address_for(author.email, author.name)


def _open(mail: Delivery, account: EmailAccount, route: Route) -> Outcome:
    parsed = mail.reading.parsed
    sender = _sender(mail)
    cc = [people.address_for(other.email, other.name) for other in _others(mail)]
    if route.follow_up_of is not None:
        cc += [p.address for p in route.follow_up_of.participants if p.address_id != sender.id]
    ticket, comment = opening.open_ticket(
        account=account,
        requester=sender,
        subject=parsed.subject,
        words=_words(mail, mail.reading.full_text if route.follow_up_of is None else _fold(mail)),
        actor=sender.user,
        from_email=True,
        cc=list({address.id: address for address in cc}.values()),
        may_belong_to=route.may_belong_to,
        follow_up_of=route.follow_up_of,
        email_id=mail.email.id,
        automatic=parsed.automatic.value,
        disposition=spam.judge(mail, account),
    )
    _name_unverified(mail, comment)
    if route.is_agent:
        forwards.ask_whose(mail, ticket)
    tag = settings.tag_of(ticket)
    mail.trace.tell("ticket", "Opened %(tag)s.", tag=tag, ticket_id=ticket.id)
    return Outcome(EmailState.OPENED, NOTHING, ticket.id, comment.id, tag)


def _fold(mail: Delivery) -> str:
    """What is shown of an answer, said in the trace; a ticket's first mail is shown whole, unless it follows another
    ticket: not all of that one's people may read what it quotes."""
    if mail.reading.visible_text != mail.reading.full_text:
        mail.trace.tell("history", "Quoted history and signatures are folded.")
        if mail.reading.second_opinion:
            mail.trace.tell_sentence("history", Sentence(mail.reading.second_opinion))
    return without_markers(mail.reading.visible_text)


def _others(mail: Delivery) -> list[Address]:
    """Whom the mail brings along."""
    return copies.others(mail.reading.parsed, mail.own, mail.authentication.verdict)


def _append(mail: Delivery, route: Route, ticket: Ticket) -> Outcome:
    sender = _sender(mail)
    is_released = route.kind is RouteKind.APPEND
    spam.mention(mail, ticket.account)
    words = _words(mail, _fold(mail), is_released=is_released)
    comment = comments.add_incoming(ticket, words, address=sender, actor=sender.user, email_id=mail.email.id)
    _name_unverified(mail, comment)
    is_sure = route.is_proven or mail.authentication.verdict is Verdict.PASS
    if is_released and is_sure and sender.user_id == ticket.requester_id:
        _let_join(mail, ticket)
    tag = settings.tag_of(ticket)
    what = Sentence("Added to %(tag)s.", tag=tag)
    if not is_released:
        what = Sentence("Added, to be released, to %(tag)s.", tag=tag)
    mail.trace.tell_sentence("ticket", what, ticket_id=ticket.id)
    return Outcome(EmailState.APPENDED, NOTHING, ticket.id, comment.id, tag)


def _let_join(mail: Delivery, ticket: Ticket) -> None:
    """Whom the requester or an agent copies in takes part from now on; what was said before stays hidden from him."""
    known = {p.address.address for p in ticket.participants}
    for other in _others(mail):
        address = people.address_for(other.email, other.name)
        if address.address not in known:
            opening.join(ticket, address, role="cc", later=True)
            events.record("participant.joined", actor=None, ticket=ticket, address_id=address.id, role="cc")
            mail.trace.tell(
                "copy", "%(email)s takes part from now on.", email=address.email, ticket_id=ticket.id
            )


def _note(mail: Delivery, ticket: Ticket, author: UserAddress) -> Outcome:
    text = _fold(mail)
    words = _words(mail, text if text.strip() or mail.files else "(no text)")
    return agents.note(mail, ticket, author, words)


def _answer(mail: Delivery, ticket: Ticket, author: UserAddress) -> Outcome:
    if mail.reading.parsed.automatic is not Automatic.NO:
        mail.trace.tell("agent", "A machine may have written it: a note.", counted=False)
        return _note(mail, ticket, author)
    text = agents.own_words(mail)
    if text is None:
        mail.trace.tell(
            "agent", "What the agent wrote cannot be told from what he quotes: a note.", counted=False
        )
        return _note(mail, ticket, author)
    if mail.authentication.verdict is Verdict.PASS:
        _let_join(mail, ticket)
    return agents.answer(mail, ticket, author, text)


def _words(mail: Delivery, text: str, *, is_released: bool = True) -> Words:
    parsed = mail.reading.parsed
    return Words(
        text=text,
        full_text=mail.reading.full_text,
        html=parsed.html,
        files=mail.files,
        message_id=parsed.message_id[:998] or None,
        is_from_email=True,
        is_automatic=parsed.automatic in (MACHINES if is_released else ANY_MACHINE),
        is_released=is_released,
        particulars=[each.plain() for each in parsed.particulars],
    )


def _name_unverified(mail: Delivery, comment: Comment) -> None:
    """Show what the mail claims, and that nobody vouches for it."""
    if mail.reading.author is None:
        comment.is_unverified = True
        claimed = mail.reading.claimed
        shown = f"{claimed.name} <{claimed.email}>".strip() if claimed.email else "no sender"
        comment.author_name = f"{shown[:220]} (unverified)"

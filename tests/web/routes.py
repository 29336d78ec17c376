"""Who may do what at every address: the table of the route matrix. A route without a row fails the build.

A row is `"METHOD /rule": (anonymous, customer, other customer, agent without access, agent with access, admin)`; the
first customer is the ticket's requester. A word per person:
    ok    the view did its work: 200, or 303 elsewhere, or 422 for the empty form that was sent
    in    sent to sign in (with what was typed, when something was)
    403   the page is not for this role          404   there is no such thing, for this person
"""

EVERYBODY = ("ok",) * 6
PEOPLE = ("in", *["ok"] * 5)
NEITHER = ("404",) * 6
TEAM = ("in", "403", "403", "ok", "ok", "ok")
ADMIN = ("in", "403", "403", "403", "403", "ok")
CUSTOMERS = ("in", "ok", "ok", "403", "403", "403")
REQUESTER = ("in", "ok", "404", "403", "403", "403")
TICKET = ("in", "ok", "404", "404", "ok", "ok")
TICKET_TEAM = ("in", "403", "403", "404", "ok", "ok")

OF_ANOTHER = ("in", "403", "403", *["404"] * 3)
OWN_ANSWER = ("in", "403", "403", "404", "ok", "404")
OWN_NOTIFICATION = ("in", "403", "403", "404", "ok", "404")  # the agent's; not even an admin reads it

ROUTES = {
    "GET /static/<path:filename>": EVERYBODY,
    "GET /assets/<version>/<path:filename>": EVERYBODY,
    # home
    "GET /": EVERYBODY,
    "GET /health": EVERYBODY,
    "POST /theme": EVERYBODY,
    # signing in
    "GET /sign-in": EVERYBODY,
    "POST /sign-in": EVERYBODY,
    "POST /sign-out": PEOPLE,
    "GET /sign-in/link": EVERYBODY,
    "POST /sign-in/link": EVERYBODY,
    "GET /sign-in/link/<token>": NEITHER,  # with a token nobody has
    "POST /sign-in/link/<token>": NEITHER,
    "GET /password": EVERYBODY,
    "POST /password": EVERYBODY,
    "GET /password/<token>": NEITHER,
    "POST /password/<token>": NEITHER,
    "GET /invitation/<token>": NEITHER,
    "POST /invitation/<token>": NEITHER,
    # the link under each notification, with a token nobody has
    "GET /your-mails/<token>": NEITHER,
    "POST /your-mails/<token>": ("400",) * 6,  # takes nothing but what RFC 8058 says
    "POST /your-mails/<token>/choices": NEITHER,
    # one's own page
    "GET /profile": PEOPLE,
    "POST /profile": PEOPLE,
    "POST /profile/password": PEOPLE,
    "POST /profile/password-link": PEOPLE,
    "POST /profile/notifications": PEOPLE,
    "POST /profile/digest": TEAM,
    "POST /profile/sessions/<int:session_id>/end": PEOPLE,
    "POST /profile/sessions/end-others": PEOPLE,
    # set-up
    "GET /setup": EVERYBODY,
    "GET /setup/<token>": NEITHER,
    "POST /setup/<token>": NEITHER,
    "GET /setup/mail": ADMIN,
    "POST /setup/mail": ADMIN,
    "POST /setup/practice": ADMIN,
    "GET /setup/done": ADMIN,
    # administration
    "GET /admin": ADMIN,
    "GET /admin/accounts": ADMIN,
    "GET /admin/accounts/new": ADMIN,
    "POST /admin/accounts/new": ADMIN,
    "GET /admin/accounts/<int:account_id>": ADMIN,
    "POST /admin/accounts/<int:account_id>": ADMIN,
    "GET /admin/accounts/<int:account_id>/sign-in": ADMIN,
    "POST /admin/accounts/<int:account_id>/sign-in": ADMIN,
    "POST /admin/accounts/<int:account_id>/connect": ADMIN,
    "POST /admin/accounts/<int:account_id>/disconnect": ADMIN,
    "GET /admin/accounts/oauth/callback": ADMIN,
    "POST /admin/accounts/<int:account_id>/test": ADMIN,
    "POST /admin/accounts/<int:account_id>/fetch": ADMIN,
    "GET /admin/accounts/<int:account_id>/ways": ADMIN,
    "POST /admin/accounts/<int:account_id>/ways": ADMIN,
    "POST /admin/accounts/<int:account_id>/<any(fetching, sending):what>/<any(pause, resume):act>": ADMIN,
    "POST /admin/accounts/<int:account_id>/test-mail": ADMIN,
    "GET /admin/people": ADMIN,
    "POST /admin/people": ADMIN,
    "GET /admin/people/<int:user_id>": ADMIN,
    "POST /admin/people/<int:user_id>": ADMIN,
    "POST /admin/people/<int:user_id>/<any(reactivate, invite_again, withdraw, sign_out):act>": ADMIN,
    "GET /admin/people/<int:user_id>/deactivate": ADMIN,
    "POST /admin/people/<int:user_id>/deactivate": ADMIN,
    "POST /admin/people/<int:user_id>/addresses": ADMIN,
    "POST /admin/people/<int:user_id>/addresses/<int:address_id>/remove": ADMIN,
    "GET /admin/tags": ADMIN,
    "GET /admin/tags/<int:tag_id>": ADMIN,
    "POST /admin/tags/<int:tag_id>": ADMIN,
    "POST /admin/tags/<int:tag_id>/merge": ADMIN,
    "GET /admin/tags/<int:tag_id>/delete": ADMIN,
    "POST /admin/tags/<int:tag_id>/delete": ADMIN,
    "GET /admin/mail-texts": ADMIN,
    "GET /admin/mail-texts/<text>": ADMIN,
    "POST /admin/mail-texts/<text>": ADMIN,
    "POST /admin/mail-texts/<text>/preview": ADMIN,
    "POST /admin/mail-texts/<text>/reset": ADMIN,
    "POST /admin/mail-texts/<text>/restore": ADMIN,
    "GET /admin/mail": ADMIN,
    "GET /admin/mail/<int:email_id>": ADMIN,
    "GET /admin/mail/<int:email_id>/raw": ADMIN,
    "POST /admin/mail/<int:email_id>/retry": ADMIN,
    "POST /admin/mail/<int:email_id>/put-away": ADMIN,
    "GET /admin/suppressed": ADMIN,
    "POST /admin/suppressed": ADMIN,
    "POST /admin/suppressed/<int:failure_id>/release": ADMIN,
    "GET /admin/health": ADMIN,
    "GET /admin/audit": ADMIN,
    "GET /admin/settings": ADMIN,
    "POST /admin/settings": ADMIN,
    "POST /admin/settings/logo": ADMIN,
    "POST /admin/settings/logo/remove": ADMIN,
    "POST /admin/settings/<any(hold, release):act>": ADMIN,
    # the desk's own colour and logo: a desk without them has none
    "GET /look/<colour>.css": NEITHER,
    "GET /look/logo/<digest>": NEITHER,
    # agents
    "GET /tickets": TEAM,
    "POST /tickets/bulk": TEAM,  # each ticket is asked for by itself
    "POST /tickets/bulk/undo": TEAM,
    "GET /tickets/new": TEAM,
    "GET /people/suggestions": TEAM,
    "POST /tickets/new": TEAM,
    "GET /tickets/<int:number>": (
        "in",
        "ok",
        "ok",
        "404",
        "ok",
        "ok",
    ),  # customers are sent to their own page
    "POST /tickets/<int:number>/answer": TICKET_TEAM,
    "POST /tickets/<int:number>/draft": TICKET_TEAM,
    "POST /tickets/<int:number>/preview": TICKET_TEAM,
    "POST /tickets/new/preview": TEAM,
    "POST /tickets/<int:number>/people": TICKET_TEAM,
    "POST /tickets/<int:number>/people/<int:participant_id>/reach": TICKET_TEAM,
    "POST /tickets/<int:number>/people/<int:participant_id>/remove": TICKET_TEAM,
    "POST /tickets/<int:number>/follow": TICKET_TEAM,
    "POST /tickets/<int:number>/mute": TICKET_TEAM,
    "POST /tickets/<int:number>/seen": TICKET_TEAM,
    "GET /notifications": TEAM,
    "POST /notifications/read": TEAM,
    "POST /notifications/<int:notification_id>/open": OWN_NOTIFICATION,
    "POST /notifications/<int:notification_id>/read": OWN_NOTIFICATION,
    # the agent's own answer: not even an admin takes it back
    "POST /tickets/<int:number>/replies/<int:reply_id>/undo": OWN_ANSWER,
    "POST /tickets/<int:number>/replies/<int:reply_id>/time": OWN_ANSWER,
    "POST /tickets/<int:number>/replies/<int:reply_id>/now": OWN_ANSWER,
    "POST /tickets/<int:number>/replies/<int:reply_id>/drop": OF_ANOTHER,  # an answer is no forward
    "GET /tickets/<int:number>/comments/<int:comment_id>/forward": TICKET_TEAM,
    "POST /tickets/<int:number>/comments/<int:comment_id>/forward": TICKET_TEAM,
    "POST /tickets/<int:number>/properties": TICKET_TEAM,
    "POST /tickets/<int:number>/tags": TICKET_TEAM,
    "POST /tickets/<int:number>/<any(spam, restore, block):act>": TICKET_TEAM,
    "POST /tickets/<int:number>/comments/<int:comment_id>/release": TICKET_TEAM,
    "POST /tickets/<int:number>/comments/<int:comment_id>/split": TICKET_TEAM,
    "POST /tickets/<int:number>/requester": TICKET_TEAM,
    "GET /tickets/<int:number>/merge": TICKET_TEAM,
    "POST /tickets/<int:number>/merge": TICKET_TEAM,
    "POST /tickets/<int:number>/comments/<int:comment_id>/pictures": TICKET_TEAM,
    "GET /tickets/<int:number>/comments/<int:comment_id>/why": TICKET_TEAM,
    "GET /tickets/<int:number>/comments/<int:comment_id>/original": TICKET_TEAM,
    "GET /tickets/<int:number>/comments/<int:comment_id>/source": (
        "in",
        "403",
        "403",
        *["404"] * 3,
    ),  # written in the browser: there is none
    # another ticket's mail
    "POST /tickets/<int:number>/mails/<int:email_id>/retry": OF_ANOTHER,
    "POST /tickets/<int:number>/mails/<int:email_id>/edit": OF_ANOTHER,
    "GET /tickets/<int:number>/mails/<int:email_id>/resend": OF_ANOTHER,
    "POST /tickets/<int:number>/mails/<int:email_id>/resend": OF_ANOTHER,
    # mail that is no ticket, and senders
    "GET /mail": TEAM,
    "GET /mail/<any(held, failed, undeliverable, automatic, blocked, discarded):tray>": TEAM,
    "GET /mail/<int:email_id>": TICKET_TEAM,
    "GET /mail/<int:email_id>/raw": TICKET_TEAM,
    "POST /mail/<int:email_id>/<any(ticket, discard, 'put-back', block):act>": TICKET_TEAM,
    "POST /mail/<int:email_id>/flood": TICKET_TEAM,
    "POST /mail/act": TEAM,  # each mail is asked for by itself
    "GET /mail/senders": TEAM,
    "POST /mail/senders": TEAM,
    "POST /mail/senders/<int:rule_id>/remove": TICKET_TEAM,
    # customers
    "GET /my/tickets": CUSTOMERS,
    "GET /my/tickets/new": CUSTOMERS,
    "POST /my/tickets/new": CUSTOMERS,
    "GET /my/tickets/<int:number>": REQUESTER,
    "POST /my/tickets/<int:number>/answer": REQUESTER,
    "POST /my/tickets/<int:number>/close": REQUESTER,
    "POST /my/tickets/<int:number>/reopen": REQUESTER,
    # the public form, switched on; whoever is signed in is sent to a page of his own
    "GET /contact": EVERYBODY,
    "POST /contact": EVERYBODY,
    "GET /contact/thanks": EVERYBODY,
    # the practice mailbox: not beside a real account
    "GET /practice": NEITHER,
    "POST /practice": NEITHER,
    "GET /practice/mails/<key>/html": NEITHER,
    "GET /practice/mails/<key>/source": NEITHER,
    "GET /practice/mails/<key>/files/<int:position>": NEITHER,
    "POST /practice/start": (*ADMIN[:5], "404"),
    "POST /practice/<int:account_id>/remove": (*ADMIN[:5], "404"),
    # files
    "GET /files/<token>/<path:name>": TICKET,
    "GET /comments/<int:comment_id>/html": TICKET_TEAM,
    # with a token nobody has; who sees a picture is told by test_written.py
    "GET /pictures/<token>": ("in", *["404"] * 5),
    "GET /uploads/<token>": ("in", "403", "403", "404", "404", "404"),
}

"""What whoever starts the desk reads of its mail."""

from helpdesk.cli.desk import about_mail
from tests import factories


def words(app):
    with app.app_context():
        return "\n".join(about_mail())


def test_what_is_fetched_is_said_when_the_desk_starts(app):
    assert "No mail account yet" in words(app) and "IMAP_HOST" in words(app)
    with app.app_context():
        factories.make_account("paused@desk.example", is_fetching=False)
    assert "EMAIL_TO_TICKET_ENABLED is false" in words(app)
    with app.app_context():
        for number in range(6):
            factories.make_account(f"n{number}@desk.example", poll_frequency_s=120)
    assert "Mail for n0@desk.example is fetched every 120 s" in words(app)
    assert "and for 1 more accounts" in words(app)
    assert "paused@" not in words(app) and "EMAIL_BACKEND" not in words(app)
    app.config["EMAIL_BACKEND"] = "dummy"
    assert "EMAIL_BACKEND=dummy throws it away" in words(app)

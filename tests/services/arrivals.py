"""Mail that has arrived: stored and worked off as the desk does it."""

from helpdesk.database import db
from helpdesk.models import EmailMessage
from helpdesk.services.ingest import process, store


def receive(account, *raws):
    """Store and process mails; return their rows."""
    ids = [store.store_raw(account, raw) for raw in raws]
    process.drain()
    db.session.rollback()
    return [db.session.get(EmailMessage, email_id) for email_id in ids]

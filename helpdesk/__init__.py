"""Helpdesk: a self-hosted e-mail help desk.

Only the version lives here, so that importing `helpdesk.mail` never loads Flask.
"""

__version__ = "0.1.0"

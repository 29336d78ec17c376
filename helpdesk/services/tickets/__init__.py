"""Tickets: opening them, saying something on them, changing them. Each verb records its event."""

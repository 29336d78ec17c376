"""Received mail: stored as bytes first, then taken apart and made a ticket or a comment, one transaction each."""

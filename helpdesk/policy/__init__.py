"""Decisions as pure functions of values: who may what, which status follows, who is told."""

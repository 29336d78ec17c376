"""The use cases: each carries a decision out inside the caller's transaction. They flush and never commit.

Services take an actor, models and values; never a request or a form. Loops over many items open one transaction per
item, and only those do.
"""

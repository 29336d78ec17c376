"""What the many applications of one test run share, because making it anew takes most of their time.

Each test has an application and a database of its own; templates, the functions that put addresses together and
compiled SQL depend on neither.
"""

from flask import Flask
from jinja2 import BytecodeCache
from werkzeug.routing import Rule

from helpdesk.database import db


class KeptTemplates(BytecodeCache):
    """Compiled templates by name and source."""

    def __init__(self):
        self.kept = {}

    def load_bytecode(self, bucket):
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket):
        self.kept[bucket.key] = bucket.bytecode_to_string()


class KeptRule(Rule):
    """A route whose address is put together by the function compiled for the same route of an earlier application."""

    kept = {}

    def _compile_builder(self, append_unknown=True):
        key = (self.rule, repr(self.defaults), append_unknown)
        if key not in self.kept:
            self.kept[key] = super()._compile_builder(append_unknown)
        return self.kept[key]


class KeptStatements(dict):
    """Compiled SQL by the kind of database; SQLAlchemy's own key holds the engine's dialect, one for each engine."""

    def get(self, key):
        return super().get((key[0].name, *key[1:]))

    def __setitem__(self, key, compiled):
        super().__setitem__((key[0].name, *key[1:]), compiled)


TEMPLATES = KeptTemplates()
STATEMENTS = KeptStatements()
Flask.url_rule_class = KeptRule


def share(config):
    """Engines of this configuration use the statements compiled for earlier ones."""
    config["SQLALCHEMY_ENGINE_OPTIONS"]["execution_options"] = {"compiled_cache": STATEMENTS}
    for mapper in db.Model.registry.mappers:
        mapper._compiled_cache = STATEMENTS

"""Mail as bytes and values: parsing, classifying, threading, composing.

Pure: no Flask, no database, no sockets, no clock. Whatever arrives, these functions return a value; only `compose`
raises, when what was asked for cannot be said safely in a mail.
"""

"""Plays the Telethon scenarios: `python -m suites.telethon --help`."""

from ..harness.scenario import main
from . import channels, chats, contacts, dialogs, files, history, login, messages, protocol, updates  # noqa: F401
from .world import prepare, suite

main(suite, prepare)

"""Plays the Pyrogram scenarios: `python -m suites.pyrogram --help`."""

from ..harness.scenario import main
from . import groups, private  # noqa: F401
from .world import prepare, suite

main(suite, prepare)

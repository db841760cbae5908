"""Plays the TDLib scenarios: `python -m suites.tdlib --help`."""

from ..harness.scenario import main
from . import groups, private  # noqa: F401
from .world import prepare, suite

main(suite, prepare)

"""Plays the scenarios across libraries: `python -m suites.cross --help`."""

from ..harness import people
from ..harness.scenario import main

people.within("cross")  # before the worlds below deal their first number

from . import talk  # noqa: E402, F401
from .world import prepare, suite  # noqa: E402

main(suite, prepare)

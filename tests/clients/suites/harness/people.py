"""Phone numbers and codes of the test data centre: 99966XYYYY signs in with the code XXXXX."""

import itertools
import random

#: Which digit X each suite deals from, so that suites running side by side never meet.
DIGITS = {"telethon": (1, 4, 7), "pyrogram": (2, 5), "tdlib": (3, 6), "cross": (8,), "crash": (9,)}


class Numbers:
    """Deals test numbers in an order that differs from run to run: a server that is used twice has few clashes."""

    def __init__(self, suite: str):
        self._dealt = itertools.chain.from_iterable(
            (f"99966{digit}{last:04d}" for last in random.sample(range(10_000), 10_000)) for digit in DIGITS[suite]
        )

    def next(self) -> str:
        """A number that this process has not used yet, digits only."""
        return next(self._dealt)


def code_of(phone: str) -> str:
    """The code that signs a test number in."""
    return phone[5] * 5


def wrong_code_for(phone: str) -> str:
    """A code of the right form that does not sign it in."""
    return ("0" if phone[5] != "0" else "1") * 5

"""Phone numbers and codes of the test data centre: 99966XYYYY signs in with the code XXXXX."""

import itertools
import random

#: Which digits X and which YYYY each suite deals, so that suites running side by side never meet.
SHARES = {
    "telethon": ((1, 2, 3), range(10_000)),
    "pyrogram": ((4, 5), range(10_000)),
    "tdlib": ((6, 7), range(10_000)),
    "cross telethon": ((8,), range(0, 3_000)),
    "cross pyrogram": ((8,), range(3_000, 6_000)),
    "cross tdlib": ((8,), range(6_000, 10_000)),
    "crash telethon": ((9,), range(10_000)),
}
_within = ""


def within(suite: str) -> None:
    """From now on numbers come from the shares of a suite that uses several libraries."""
    global _within
    _within = f"{suite} "


class Numbers:
    """Deals test numbers in an order that differs from run to run: a server that is used twice has few clashes."""

    def __init__(self, library: str):
        digits, tails = SHARES[_within + library]
        self._dealt = itertools.chain.from_iterable(
            (f"99966{digit}{tail:04d}" for tail in random.sample(tails, len(tails))) for digit in digits
        )

    def next(self) -> str:
        """A number that this process has not used yet, digits only."""
        return next(self._dealt)


def code_of(phone: str) -> str:
    """The code that signs a test number in."""
    return phone[5] * 5


def wrong_code_for(phone: str) -> str:
    """A code of the right form that does not sign it in."""
    return "00000" if phone[5] != "0" else "11111"


def ordinary_number() -> str:
    """A number to which a real code would be sent (here: printed by the server)."""
    return f"49151{random.randrange(10**7):07d}"

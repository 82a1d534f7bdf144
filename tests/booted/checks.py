"""The checks, in the order in which an operator meets things; each tells in one line what is so.

A check can guard something of the unit: where that is taken away, the check has to fail.
"""
import dataclasses
import time
import traceback
import typing


@dataclasses.dataclass
class Check:
    words: str
    run: typing.Callable
    # What of the unit it guards: a name in weakened.py.
    guards: str | None
    # The checks that guard need what it does.
    prepares: bool


@dataclasses.dataclass
class Outcome:
    seconds: float
    # Why it failed, if it did.
    why: str | None = None
    # It came to no judgement.
    is_broken: bool = False


CHECKS = []


def check(words, guards=None, prepares=False):
    """Makes a function of a house a check."""
    def register(run):
        CHECKS.append(Check(words, run, guards, prepares))
        return run
    return register


def outcome(one, house):
    """Runs a check."""
    begun = time.monotonic()
    why, is_broken = None, False
    try:
        one.run(house)
    except (AssertionError, TimeoutError) as failure:
        why = str(failure)
    except Exception as failure:
        why, is_broken = "".join(traceback.format_exception(failure)), True
    return Outcome(time.monotonic() - begun, why, is_broken)

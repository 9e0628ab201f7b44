"""Benchmarks: ratios measured within one run, for ratios travel between machines and figures do not.

An entry is a file beside this one with `measure() -> list[Row]`; `python -m bench` finds it by itself.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One comparison. Times are medians in seconds; `at_most` is the ratio aimed at, None where none is."""

    name: str
    compared: str
    ours: float
    theirs: float
    at_most: float | None = None
    unit: str = "s"
    """Of ours and theirs; seconds are printed as milliseconds."""

    @property
    def ratio(self) -> float:
        """How many times as long as the yardstick we take."""
        return self.ours / self.theirs

    @property
    def kept(self) -> bool:
        """Is the ratio within its aim?"""
        return self.at_most is None or self.ratio <= self.at_most


def medians(*things: Callable[[], object], repeats: int = 9) -> list[float]:
    """Median seconds of each thing. They run in turns, so that a slow moment of the machine affects all of them.

    Each runs once unmeasured first, and without the garbage collector while measured.
    """
    for thing in things:
        thing()
    times: list[list[float]] = [[] for _ in things]
    gc.disable()
    try:
        for _ in range(repeats):
            for taken, thing in zip(times, things, strict=True):
                start = time.perf_counter()
                thing()
                taken.append(time.perf_counter() - start)
    finally:
        gc.enable()
    return [statistics.median(taken) for taken in times]


def cpu(thing: Callable[[], object]) -> float:
    """CPU seconds of this process for one run of a thing."""
    start = time.process_time()
    thing()
    return time.process_time() - start


def least_cpu(*things: Callable[[], object], repeats: int = 7) -> list[float]:
    """The least CPU seconds of each thing. As `medians`, for what other processes of the machine mustn't disturb."""
    for thing in things:
        thing()
    taken: list[list[float]] = [[] for _ in things]
    for _ in range(repeats):
        for times, thing in zip(taken, things, strict=True):
            times.append(cpu(thing))
    return [min(times) for times in taken]

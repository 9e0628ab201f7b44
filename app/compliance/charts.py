"""Charts as coordinates. Templates draw them as plain SVG, with colours from the style sheet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from app.compliance.data.daily import AGES, Figures
from app.text.messages import _

WIDTH, HEIGHT = 430, 200
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 26
History = Sequence[tuple[date, Figures]]


def age_words() -> tuple[str, ...]:
    """Return the labels of the groups of `Figures.key_ages`."""
    return (
        _("up to %(days)d days", days=AGES[0]),
        *(_("%(low)d to %(high)d days", low=low + 1, high=high) for low, high in pairwise(AGES)),
        _("over %(days)d days", days=AGES[-1]),
    )


@dataclass(frozen=True)
class Box:
    """A part of a bar. group: its number, from 0."""

    x: float
    y: float
    width: float
    height: float
    group: int


@dataclass(frozen=True)
class Chart:
    """What is drawn, in a view box of WIDTH by HEIGHT."""

    grid: list[tuple[float, str]]
    """The y and label of each horizontal line."""
    dates: list[tuple[float, str]]
    """The x and label of each date."""
    line: str = ""
    """Points of a polyline."""
    area: str = ""
    """Points of the polygon below it."""
    dots: tuple[tuple[float, float], ...] = ()
    boxes: tuple[Box, ...] = ()
    rows: tuple[tuple[date, tuple[str, ...]], ...] = ()
    """The same as a table, newest first."""


def _across(history: History) -> list[float]:
    first, last = history[0][0], history[-1][0]
    span = max(1, (last - first).days)
    room = WIDTH - LEFT - RIGHT
    if first == last:
        return [LEFT + room / 2]
    return [round(LEFT + room * (day - first).days / span, 1) for day, _figures in history]


def _dates(history: History, xs: Sequence[float]) -> list[tuple[float, str]]:
    chosen = sorted({0, len(history) // 2, len(history) - 1})
    labels = [(xs[place], f"{history[place][0]:%-d %b}") for place in chosen]
    # Labels that would run into each other are left out.
    return [each for place, each in enumerate(labels) if place == 0 or each[0] - labels[place - 1][0] > 70]


def _down(share: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)


def adoption(history: History) -> Chart | None:
    """Draw the share of users known to have MFA, by day. Returns None where there is nothing to draw."""
    if not history or not any(figures.people for _day, figures in history):
        return None
    xs = _across(history)
    shares = [
        figures.of("mfa").passed / figures.of("mfa").population if figures.of("mfa").population else 0.0
        for _day, figures in history
    ]
    points = [(x, _down(share)) for x, share in zip(xs, shares, strict=True)]
    line = " ".join(f"{x},{y}" for x, y in points)
    floor = _down(0)
    area = f"{points[0][0]},{floor} {line} {points[-1][0]},{floor}" if len(points) > 1 else ""
    rows = [
        (day, (f"{share:.1%}", f"{figures.of('mfa').passed}", f"{figures.of('mfa').population}"))
        for (day, figures), share in zip(history, shares, strict=True)
    ]
    return Chart(
        [(_down(share), f"{share:.0%}") for share in (0, 0.5, 1)],
        _dates(history, xs),
        line if len(points) > 1 else "",
        area,
        (points[-1],),
        rows=tuple(reversed(rows)),
    )


def key_ages(history: History) -> Chart | None:
    """Draw users by the age of their oldest active key, as stacked bars. Returns None where no keys are known."""
    known = [(day, figures) for day, figures in history if sum(figures.key_ages)]
    if not known:
        return None
    xs = _across(known)
    most = max(sum(figures.key_ages) for _day, figures in known)
    most += most % 2  # half of it has a label, and there are no half users
    width = round(min(28.0, max(3.0, (WIDTH - LEFT - RIGHT) / (len(known) + 1) * 0.7)), 1)
    boxes = []
    for (_day, figures), x in zip(known, xs, strict=True):
        left = round(min(max(x - width / 2, LEFT), WIDTH - RIGHT - width), 1)
        below = 0
        for group, count in enumerate(figures.key_ages):
            top = _down((below + count) / most)
            boxes.append(Box(left, top, width, round(_down(below / most) - top, 1), group))
            below += count
    return Chart(
        [(_down(0), "0"), (_down(0.5), f"{most // 2}"), (_down(1), f"{most}")],
        _dates(known, xs),
        boxes=tuple(box for box in boxes if box.height > 0),
        rows=tuple((day, tuple(f"{count}" for count in figures.key_ages)) for day, figures in reversed(known)),
    )


def failing(history: History, rule_id: str) -> Chart | None:
    """Draw how many users fail a rule, by day, as a line, and how many fail or are unknown as an area.

    Returns None where there aren't two days to draw.
    """
    judged = [(day, figures) for day, figures in history if rule_id in figures.rules]
    if len(judged) < 2:
        return None
    xs, counts = _across(judged), [figures.of(rule_id) for _day, figures in judged]
    not_passing = [count.failed + count.unknown for count in counts]
    most = max(1, *not_passing)
    most += most % 2  # half of it has a label
    line = " ".join(f"{x},{_down(count.failed / most)}" for x, count in zip(xs, counts, strict=True))
    edge = " ".join(f"{x},{_down(number / most)}" for x, number in zip(xs, not_passing, strict=True))
    floor = _down(0)
    return Chart(
        [(_down(0), "0"), (_down(0.5), f"{most // 2}"), (_down(1), f"{most}")],
        _dates(judged, xs),
        line,
        f"{xs[0]},{floor} {edge} {xs[-1]},{floor}",
        ((xs[-1], _down(counts[-1].failed / most)),),
    )

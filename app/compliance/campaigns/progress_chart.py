"""A chart of how many users of a campaign aren't done, by day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from app.compliance.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart

__all__ = ["HEIGHT", "LEFT", "RIGHT", "WIDTH", "burn_down"]


def burn_down(days: Sequence[tuple[date, int]]) -> Chart | None:
    """Return the chart of the users who weren't done at the end of each day, None before there are two days."""
    most = max((number for _day, number in days), default=0)
    if len(days) < 2 or not most:
        return None
    room = WIDTH - LEFT - RIGHT
    xs = [round(LEFT + room * place / (len(days) - 1), 1) for place in range(len(days))]
    ys = [round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - number / most), 1) for _day, number in days]
    points = " ".join(f"{x},{y}" for x, y in zip(xs, ys, strict=True))
    floor = HEIGHT - BOTTOM
    marks = sorted({0, len(days) - 1})
    return Chart(
        grid=[(float(floor), "0"), (float(TOP), str(most))],
        dates=[(xs[place], f"{days[place][0]:%-d %b}") for place in marks],
        line=points,
        area=f"{xs[0]},{floor} {points} {xs[-1]},{floor}",
    )

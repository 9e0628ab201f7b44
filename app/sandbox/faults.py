"""Faults on request: what goes wrong, per action and occurrence (docs/sandbox.md has the format)."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

from app.sandbox.api import Refusal

NAMES = ("latency", "throttle", "error-500", "error-503", "reset-before", "reset-after", "truncated", "stale-read")


class FaultError(ValueError):
    """The faults can't be understood. `str()` says why in one sentence."""


@dataclass(frozen=True)
class Fault:
    """One rule. occurrences: 1 is the next call of the action. None means every call."""

    action: str
    name: str
    """One of `NAMES`: what goes wrong."""
    occurrences: frozenset[int] | None
    latency_ms: int = 0


def parsed(data: Any) -> list[Fault]:
    """Return the rules in decoded JSON. Raises FaultError."""
    if not isinstance(data, list):
        raise FaultError("Faults are a JSON list of objects.")
    return [_fault(item, number) for number, item in enumerate(data, 1)]


def _fault(item: Any, number: int) -> Fault:
    if not isinstance(item, dict) or set(item) - {"action", "fault", "occurrences", "latency_ms"}:
        raise FaultError(f"Fault {number} needs action, fault, occurrences and, for latency, latency_ms.")
    action, name, when = item.get("action"), item.get("fault"), item.get("occurrences", "every")
    latency = item.get("latency_ms", 0)
    if not isinstance(action, str) or ":" not in action:
        raise FaultError(f"Fault {number}: action reads like iam:CreateAccessKey.")
    if name not in NAMES:
        raise FaultError(f"Fault {number}: fault is one of {', '.join(NAMES)}.")
    if when != "every" and not (isinstance(when, list) and when and all(isinstance(n, int) and n > 0 for n in when)):
        raise FaultError(f'Fault {number}: occurrences is "every" or a list of numbers from 1.')
    if not isinstance(latency, int) or latency < 0 or (name == "latency" and not latency):
        raise FaultError(f"Fault {number}: latency_ms is a number of milliseconds.")
    return Fault(action, name, None if when == "every" else frozenset(when), latency)


class Faults:
    """The current rules, and how often each action was called since they were set."""

    def __init__(self, rules: list[Fault]) -> None:
        self._lock = threading.Lock()
        self._replaced = threading.Event()
        self.replace(rules)

    def replace(self, rules: list[Fault]) -> None:
        """Set other rules and restart the counts. Calls that the old ones delay continue."""
        with self._lock:
            self._replaced.set()
            self._replaced = threading.Event()
            self._rules = rules
            self._seen: Counter[str] = Counter()

    def of(self, action: str) -> tuple[list[Fault], threading.Event]:
        """Return the faults of this call, and the event of their end. Counts the call."""
        with self._lock:
            self._seen[action] += 1
            nth = self._seen[action]
            found = [
                rule
                for rule in self._rules
                if rule.action == action and (rule.occurrences is None or nth in rule.occurrences)
            ]
            return found, self._replaced

    def begun(self) -> dict[str, int]:
        """Return how many calls of each action began since the rules were set."""
        with self._lock:
            return dict(self._seen)


def failure_of(service: str) -> Refusal:
    """Return a service's internal error, in its own words."""
    return Refusal("InternalError" if service in ("ec2", "s3") else "ServiceFailure", "Internal failure.", 500)


def refusal_of(fault: Fault, service: str) -> Refusal | None:
    """Return the error that a fault answers in place of acting, None if it answers none."""
    if fault.name == "throttle":
        code = {"ec2": "RequestLimitExceeded", "s3": "SlowDown"}.get(service, "Throttling")
        return Refusal(code, "Rate exceeded", 503 if service in ("ec2", "s3") else 400)
    if fault.name == "error-500":
        return failure_of(service)
    if fault.name == "error-503":
        return Refusal("ServiceUnavailable", "The service is unavailable.", 503)
    return None

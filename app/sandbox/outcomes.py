"""Behaviour that AWS doesn't document: `--outcome NAME=VALUE`. The first value is the default."""

from __future__ import annotations

OUTCOMES = {
    "list-virtual-devices": ("by-policy", "denied"),
    "sessions-die-with": ("nothing", "key", "device", "both"),
    "root-credentials": ("present", "removed"),
    "password-only-sign-in": ("accepted-by-iam", "refused-by-iam"),
}


def parsed(given: tuple[str, ...]) -> dict[str, str]:
    """Return all outcomes: the defaults and the given ones. Raises ValueError with one sentence."""
    chosen = {name: values[0] for name, values in OUTCOMES.items()}
    for text in given:
        name, _, value = text.partition("=")
        if value not in OUTCOMES.get(name, ()):
            known = "; ".join(f"{key}={'|'.join(values)}" for key, values in OUTCOMES.items())
            raise ValueError(f"--outcome {text} is not one of {known}.")
        chosen[name] = value
    return chosen

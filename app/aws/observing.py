"""Reports calls of AWS to an observer: action, outcome and seconds, but no parameters and no answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import botocore.session
from botocore.exceptions import ClientError

from app.errors import NoResponse, PortalError, Throttled


@dataclass(frozen=True)
class Observer:
    """Called for every AWS call. Actions are named as in policies, "iam:ListUsers"."""

    answered: Callable[[str, str, float], None]
    """Action, "ok" or the code of a PortalError, seconds with all repetitions."""
    throttled: Callable[[str], None]
    """Each answer that asked to slow down, also of reads that were then repeated."""


def observe(
    session: botocore.session.Session, observer: Observer, meaning: Callable[[ClientError, str], PortalError]
) -> None:
    """Report every call of this session's clients to the observer."""

    def begin(**event: Any) -> None:
        model = event["model"]
        event["context"]["latchkey"] = (f"{model.service_model.signing_name}:{model.name}", time.perf_counter())

    def end(outcome: str, context: dict[str, Any]) -> None:
        action, began = context["latchkey"]
        observer.answered(action, outcome, time.perf_counter() - began)

    def answered(**event: Any) -> None:
        parsed, context = event["parsed"], event["context"]
        good = parsed.get("ResponseMetadata", {}).get("HTTPStatusCode", 500) < 300
        end("ok" if good else meaning(ClientError(parsed, ""), "").code, context)

    def unanswered(**event: Any) -> None:
        end(NoResponse.code, event["context"])

    def attempted(**event: Any) -> None:
        parsed = event["response"][1] if event["response"] else {}
        if parsed.get("Error", {}).get("Code") in Throttled.aws_codes:
            model = event["operation"]
            observer.throttled(f"{model.service_model.signing_name}:{model.name}")

    session.register("before-call", begin)
    session.register("after-call", answered)
    session.register("after-call-error", unanswered)
    session.register("needs-retry", attempted)

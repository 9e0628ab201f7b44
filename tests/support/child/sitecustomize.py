"""Loaded by every Python child of the tests before its own code (it is on their PYTHONPATH)."""

import gc
import importlib.util
import select
import time
from pathlib import Path
from typing import SupportsIndex

_spec = importlib.util.spec_from_file_location("loopback", Path(__file__).parent.parent / "loopback.py")
assert _spec and _spec.loader
_loopback = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_loopback)
_loopback.loopback_only()


# Debian's libfaketime answers EINVAL to the clock_nanosleep behind time.sleep once its offset was moved.
def _sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


time.sleep = _sleep

# What a start makes stays, and most children do little else. The portal sets its own pace once it has started.
gc.set_threshold(50_000, 20, 20)

"""`python -m tests [pytest options]`: pytest under the clock that tests can move, on loopback only."""

import os
import sys
import tempfile
from pathlib import Path

from tests.support.clock import environment

with tempfile.TemporaryDirectory(prefix="latchkey-tests-") as _folder:
    try:
        _time = environment(Path(_folder) / "clock")
    except LookupError as missing:
        sys.exit(str(missing))
    _command = [sys.executable, "-m", "pytest", *sys.argv[1:]]
    _status = os.spawnve(os.P_WAIT, sys.executable, _command, {**os.environ, **_time})
sys.exit(_status if _status >= 0 else 1)

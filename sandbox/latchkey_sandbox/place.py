"""Where the sandbox's own modules are."""

import sys
from pathlib import Path


def ours_first() -> None:
    """Let `app` be Latchkey's, also where PYTHONPATH leads to another package of that name.

    Only programs call this. In the process of a test, `app` stays what it is there.
    """
    sys.path.insert(0, str(Path(__file__).parents[1]))

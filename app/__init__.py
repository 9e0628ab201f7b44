"""Latchkey. Only the version and the end of a process are here, so that every part loads without the others."""

import atexit
import gc

__version__ = "1.0.0"

# At its end Python looks for garbage among all that was loaded, which takes a third of a short command's time.
atexit.register(gc.freeze)

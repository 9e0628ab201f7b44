"""SSH keys for CodeCommit and signing certificates: one life cycle of two kinds.

Each module `*_views` has the pages of one type, with their blueprint as `bp`.
"""

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint


def blueprints() -> list[Blueprint]:
    """The pages of all types."""
    names = [module.name for module in iter_modules(__path__) if module.name.endswith("_views")]
    modules = [import_module(f"{__name__}.{name}") for name in sorted(names)]
    return [module.bp for module in modules]

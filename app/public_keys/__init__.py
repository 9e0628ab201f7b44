"""SSH keys for CodeCommit and signing certificates: one life cycle of two types.

Each module `*_views` has the pages of one type, described by its `pages`.
"""

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint


def blueprints() -> list[Blueprint]:
    """Return the pages of all types, in the order of the sidebar."""
    names = [module.name for module in iter_modules(__path__) if module.name.endswith("_views")]
    modules = [import_module(f"{__name__}.{name}") for name in names]
    return [pages.bp for pages in sorted((module.pages for module in modules), key=lambda pages: pages.position)]

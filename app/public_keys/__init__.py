"""SSH keys for CodeCommit and signing certificates: one life cycle of two types.

Each module `*_views` has the pages of one type, described by its `pages`.
"""

from importlib import import_module
from pkgutil import iter_modules

from flask import Blueprint

from app.public_keys.shared_pages import Pages


def types() -> list[Pages]:
    """Return the pages of each type, in the order of the sidebar."""
    names = [module.name for module in iter_modules(__path__) if module.name.endswith("_views")]
    found: list[Pages] = [import_module(f"{__name__}.{name}").pages for name in names]
    return sorted(found, key=lambda pages: pages.position)


def blueprints() -> list[Blueprint]:
    """Return the blueprint of each type, in the order of the sidebar."""
    return [pages.bp for pages in types()]

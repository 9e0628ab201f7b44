"""A folder in which someone else has put Python files that the portal could take for its own."""

from __future__ import annotations

from pathlib import Path

NAMES = (
    *("app", "config", "wsgi"),
    *("gunicorn", "setproctitle", "sitecustomize", "usercustomize", "dotenv", "uvloop", "eventlet", "gevent"),
)
"""Modules of the portal, and others that it, gunicorn or Python looks for, even where they aren't installed."""


class PlantedFolder:
    """The folder, and a link to it: from there, the shell's $PWD isn't the path that the system tells."""

    def __init__(self, parent: Path) -> None:
        self.folder, self.link = parent / "planted", parent / "link"
        self.folder.mkdir(parents=True)
        self.link.symlink_to(self.folder)
        for name in NAMES:
            ran = self.folder / f"{name}.ran"
            (self.folder / f"{name}.py").write_text(f"open({str(ran)!r}, 'w').close()\nraise ImportError\n")

    def ran(self) -> list[str]:
        """Return the names of those files that were run."""
        return sorted(file.stem for file in self.folder.glob("*.ran"))

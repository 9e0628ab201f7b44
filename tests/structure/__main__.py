"""`python -m tests.structure`: the packages of `app`, the imports among them, and circles of these, if any."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import grimp


def main() -> int:
    """Print the figures, then each package with the packages it imports. The exit status is 1 if a circle exists."""
    graph = grimp.build_graph("app")
    packages = sorted(each for each in graph.modules if each.count(".") == 1)
    imports = {each: _imported(graph, each, packages) for each in packages}
    pairs = {
        tuple(sorted((each, other))) for each in packages for other in imports[each] if _reaches(imports, other, each)
    }
    circles = [" and ".join(pair) for pair in sorted(pairs)]
    arrows = sum(map(len, imports.values()))
    print(f"{len(packages)} packages and modules, {arrows} imports among them, {len(circles)} circles")
    for each in packages:
        print(f"  {each}: {', '.join(name.removeprefix('app.') for name in imports[each]) or 'nothing'}")
    for circle in circles:
        print(f"Circle: {circle}")
    return 1 if circles else 0


def _imported(graph: grimp.ImportGraph, package: str, packages: Sequence[str]) -> list[str]:
    """Return the other packages whose modules a package's modules import."""
    return [
        other
        for other in packages
        if other != package and graph.direct_import_exists(importer=package, imported=other, as_packages=True)
    ]


def _reaches(imports: dict[str, list[str]], start: str, end: str) -> bool:
    """Return whether a package imports another, directly or through others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        each = waiting.pop()
        if each == end:
            return True
        if each not in seen:
            seen.add(each)
            waiting += imports[each]
    return False


if __name__ == "__main__":
    sys.exit(main())

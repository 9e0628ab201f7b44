"""`python -m tests.prose [FILE...]`: fails if a text breaks a rule of `rules.py`, and says what to write instead.

Files named in `not_yet.txt` are checked only if you name them, or with `--all`. That list only gets shorter: `--tidy`
removes the files that follow the rules by now.
"""

import sys
from pathlib import Path

from tests.prose.reading import ROOT, files
from tests.prose.rules import violations

NOT_YET = Path(__file__).with_name("not_yet.txt")


def not_yet() -> set[str]:
    """Files that still have to be rewritten, relative to the project."""
    return {line for line in NOT_YET.read_text().splitlines() if line and not line.startswith("#")}


def tidy() -> None:
    """Remove from the list what is rewritten, or gone."""
    lines = NOT_YET.read_text().splitlines()
    left = [line for line in lines if line.startswith("#") or _breaks_a_rule(line)]
    NOT_YET.write_text("".join(f"{line}\n" for line in left))
    print(f"{len(lines) - len(left)} files removed from {NOT_YET.name}, {len(left) - 1} to rewrite.")


def _breaks_a_rule(path: str) -> bool:
    file = ROOT / path
    return file.is_file() and any(violations(path, file.read_text()))


def main(options: list[str]) -> int:
    """Check the files named, else all but those still to be rewritten. Returns 1 if a text breaks a rule."""
    if "--tidy" in options:
        tidy()
        return 0
    named = [str(Path(each).resolve().relative_to(ROOT)) for each in options if not each.startswith("-")]
    waiting = set() if named or "--all" in options else not_yet()
    failed = 0
    for path in named or files():
        if path in waiting:
            continue
        for found in violations(path, (ROOT / path).read_text()):
            print(f"{path}:{found.line}: “{found.words}”: {found.better}")
            failed += 1
    if failed:
        print(f"{failed} places. docs/development.md, Writing, says what the rules are.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

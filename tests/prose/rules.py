"""The rules of our prose, as far as a program can check them: phrases, and what to write instead.

They run as checks of proselint, next to those of its own that say something about our texts. The one right word for a
thing is in docs/glossary.md; its column "not" is a part of these rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from proselint.checks import archaism, malapropisms, nonwords
from proselint.config import Config
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check, CheckFlags, types
from proselint.registry.checks.engine import Engine, Fancy, Fast, RegexOptions
from proselint.tools import LintFile

from tests.prose.reading import ROOT, prose

GAP = r"(?:[\s\"'#*]|//)+"
"""Between two words: blanks, and what a program has at the ends of lines within a text."""

ANY_CASE = RegexOptions()
AS_WRITTEN = RegexOptions(case_insensitive=False)

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"

PHRASES: tuple[tuple[str, str], ...] = (
    # The subject is "you" or the thing.
    (r"whoever", "name who it is: you, the user, an administrator"),
    (r"somebody|anybody", "name who it is, or write someone"),
    (r"one['’]s|oneself", "your, the user's"),
    (r"(?:of our|of one['’]s) own", "our, your"),
    # Plain verbs.
    (r"(?:giv(?:e|es|en|ing)|gave)(?: it| them| this| that)? up", "remove, stop"),
    (r"bring|brings|brought|bringing", "add, upload, restore, cause"),
    (r"(?:takes?|taken|took|taking)(?: it| them| this| that)? in", "upload, accept, read"),
    (r"stands|stood|stand (?:here|there|on)", "is, shows, depends on"),
    (r"(?:go|goes|going|went|gone) on", "continue"),
    (r"(?:get|gets|got|getting) to know", "learn, see"),
    (r"spares?|spared|sparing", "exempts, avoids, saves"),
    (r"(?:puts?|putting) right", "fix"),
    (r"lies (?:in|on|beside|unused|there)", "is"),
    (r"(?:opens?|opening) nothing", "can't be used"),
    (r"AWS (?:tells|told|knows|knew|learns|learned|learnt)", "AWS returns, shows, accepts; or what you can see"),
    (r"(?:tells?|told|telling) of", "shows, reports, says"),
    (r"(?:nobody|nothing|none|no one|that|who|which|does not|doesn['’]t|do not|don['’]t) fits?", "match"),
    (r"begins? again", "start again"),
    # One thought a sentence.
    (r"anew", "again, or leave it out"),
    (r"thereby|hence|wherein|thereof|hereby|therein", "so, in it, or a sentence of its own"),
    (r"did not end well|does not end well", "failed"),
    (r"as whom", "the user's name"),
    # Plain words between two things.
    (r"replaces?(?: (?:the|this|that|a|an|its|your))?(?: [\w.]{3,})? by", "replace … with"),
    (r"also (?:if|when)", "even if, even when"),
    (r"no way out", "can't reach the internet"),
    (r"gets? it no more", "isn't sent again, stops sending it"),
    # Dates.
    (rf"(?:is|are|was|were|report|list|key|entry) of \d{{1,2}} (?:{_MONTHS})", "from, created on"),
)
"""What we don't write, as regular expressions in which a blank is any gap, and what to write instead."""

SHAPES: tuple[tuple[str, str], ...] = (
    (
        r"(?:\.\s+|^\s*|\n\n\s*|\| )(?:Who|Whoever) [a-z][^.?!:|]{0,200}\.(?:\s|$)",
        "make “you” or the thing the subject",
    ),
    (r"(?:\.\s+|\n\n\s*|\| )What stands", "name the thing"),
    (r", too[,.;:?!)]", "write “also” before the verb, or leave it out"),
    (r";\s[a-z][^.;?!:|\"()]{1,200};\s[a-z][^.;?!:|\"()]*", "one thought a sentence: end it at a semicolon"),
)
"""The same for shapes of sentences, where capitals count."""

TWICE = r"(?<![\w-])([a-z]{2,})[ ]+\1(?![\w-])(?<!that that)(?<! in in)"
"""The same word twice, which is easy to overlook."""

_OUT_OF_PLACE = re.compile(r"`([^`]+)`")
"""A word in the glossary's column "not"."""


class Violation(NamedTuple):
    """Where a text breaks a rule: its line, what it says there and what is better."""

    line: int
    words: str
    better: str


@cache
def terms() -> dict[str, str]:
    """Words that docs/glossary.md rules out, each with the term it gives for them."""
    rows = [line.split("|") for line in (ROOT / "docs/glossary.md").read_text().splitlines() if line.startswith("| ")]
    return {
        wrong: row[1].replace("*", "").strip()
        for row in rows
        if len(row) == 5
        for wrong in _OUT_OF_PLACE.findall(row[3])
    }


def _plural(word: str) -> str:
    """The pattern of a plural's end; abbreviations have none (2FAS is an app)."""
    return "" if word.isupper() else "s?"


def _check(pattern: str, better: str, engine: Engine) -> Check:
    """A check of proselint; also within quotation marks, because pages are quoted."""
    return Check(
        check_type=types.ExistenceSimple(pattern=pattern),
        engine=engine,
        path="latchkey",
        message=better,
        flags=CheckFlags(allow_quotes=True),
    )


@cache
def _register() -> Config:
    """All checks in proselint's registry, and the setting that enables them."""
    phrases = [
        *((each.replace(" ", GAP), better) for each, better in PHRASES),
        *((re.escape(wrong).replace(r"\ ", GAP) + _plural(wrong), right) for wrong, right in terms().items()),
    ]
    ours = [
        *(_check(rf"\b(?:{pattern})\b", better, Fast(ANY_CASE)) for pattern, better in phrases),
        *(_check(pattern, better, Fast(AS_WRITTEN)) for pattern, better in SHAPES),
        _check(TWICE, "the word once", Fancy(AS_WRITTEN)),
    ]
    CheckRegistry().register_many(tuple(ours))
    theirs = (archaism, malapropisms, nonwords)
    for module in theirs:
        CheckRegistry().register_many(module.__register__)
    names = {check.path.split(".")[0] for module in theirs for check in module.__register__}
    return Config(max_errors=1000, checks=dict.fromkeys(["latchkey", *names], True))


def violations(path: str, content: str) -> Iterator[Violation]:
    """What breaks a rule in a file's prose, in the order of its lines."""
    config = _register()
    if not content or not LintFile(path, content).lint(config):
        return  # nothing in the whole text, so nothing in its prose, which takes longer to find
    text = prose(path, content)
    for found in LintFile(path, text).lint(config):
        start, end = found.check_result.span
        words = " ".join(f"\n{text}"[start:end].split())
        yield Violation(found.pos[0], words, found.check_result.message)

"""Screenshots of pages, and recordings made of them, as small files."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from tests.support.browser import Surfer

FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include>/etc/fonts/fonts.conf</include>
  <match target="pattern">
    <test name="family"><string>{generic}</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit>
  </match>
</fontconfig>
"""
WIDTH, HEIGHT = 1000, 640
"""Of the window, in CSS pixels. A recording is as large as README shows it."""


@contextmanager
def fonts(folder: Path) -> Iterator[None]:
    """Browsers started within show Inter where a page asks for the system's font."""
    match = FONTS.index("  <match"), FONTS.index("</fontconfig>")
    block = FONTS[slice(*match)]
    generics = ("system-ui", "sans-serif", "Segoe UI", "Arial")
    file = folder / "fonts.conf"
    file.write_text(FONTS.replace(block, "".join(block.replace("{generic}", each) for each in generics)))
    os.environ["FONTCONFIG_FILE"] = str(file)
    try:
        yield
    finally:
        del os.environ["FONTCONFIG_FILE"]


def picture(surfer: Surfer, file: Path, quality: int = 80) -> None:
    """The window as WebP."""
    _image(surfer).save(file, quality=quality, method=6)


class Recording:
    """A short film that starts again by itself: one frame for each step, shown as long as it takes to read."""

    def __init__(self, surfer: Surfer) -> None:
        self._surfer = surfer
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    def frame(self, seconds: float) -> None:
        """What the window shows now."""
        self._frames.append(_image(self._surfer).resize((WIDTH * 4 // 5, HEIGHT * 4 // 5), Image.Resampling.LANCZOS))
        self._durations.append(int(seconds * 1000))

    def typing(self, field: str, text: str) -> None:
        """Type a text so that it can be watched."""
        for end in (len(text) // 2, len(text)):
            self._surfer.type(**{field: text[:end]})
            self.frame(0.4)

    def save(self, file: Path) -> None:
        """As an animated WebP without end."""
        first, *rest = self._frames
        first.save(file, save_all=True, append_images=rest, duration=self._durations, loop=0, quality=70, method=6)


def _image(surfer: Surfer) -> Image.Image:
    shot = surfer.page.screenshot(animations="disabled", caret="hide")
    return Image.open(io.BytesIO(shot)).convert("RGB")

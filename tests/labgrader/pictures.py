"""The class table of the README, from the demo itself: python tests/labgrader/pictures.py docs/img

It runs `labgrade demo` whole (four minutes, with the real CIFAR-10 and ResNet-50) and needs Chromium.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from labgrader.course import find_course
from labgrader.demo import demo
from PIL import Image
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text

HOME = Path(__file__).parents[2] / "grading"
COLUMNS = 110
STUDENTS = 4


def table(text: str, students: int) -> list[str]:
    """Return the lines of a demo's class table down to its first students."""
    lines = text.split("\n")
    head = next(at for at, line in enumerate(lines) if line.startswith(" student "))
    rows = [at for at in range(head + 2, len(lines)) if not lines[at].startswith("  ")]
    return [line.rstrip() for line in lines[head : rows[students]]]


def svg(lines: list[str]) -> str:
    """Draw lines as a terminal."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    head, *rest = lines
    console.print(Text(f"\n{head}", style="bold"))
    console.print(Text("\n".join([*rest, ""])), no_wrap=True)
    return console.export_svg(title="labgrade demo")


def draw(drawing: str, file: Path, *, width: int = 1200) -> None:
    """Write an SVG as a PNG of this width."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": width, "height": 100})
        page.set_content(
            f"<style>body {{ margin: 0 }} svg {{ display: block; width: 100% }}</style>{drawing}"
        )
        shot = page.locator("svg").screenshot(omit_background=True)
        browser.close()
    Image.open(io.BytesIO(shot)).quantize(128).save(file, optimize=True)


def main(folder: Path) -> None:
    """Run the demo and draw the beginning of its class table."""
    console = Console(record=True, width=COLUMNS)
    with tempfile.TemporaryDirectory() as course:
        as_expected = demo(find_course(HOME), out=Path(course) / "course", console=console)
    if not as_expected:
        raise SystemExit("The demo came out otherwise than expected: no picture.")
    draw(svg(table(console.export_text(), STUDENTS)), folder / "class.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

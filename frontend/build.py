"""Builds static/dist from these sources, or with --check tells whether it is still what they make.

`make css` runs it where node and npm are at hand; nobody needs it to run Headgate, for the result is committed.
The check needs neither: it compares a digest of the sources and of every class that a template names with the
one kept beside the stylesheet. Where node_modules is there, it also builds again and compares the bytes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DIST = ROOT / "static" / "dist"
DIGEST = HERE / "built.sha256"
MODULES = HERE / "node_modules"
SCRIPTS = (
    *("app.js", "chart.js", "keyboard.js", "reorder.js"),
    *("chat.js", "chat_history.js", "chat_markdown.js", "chat_run.js", "chat_wire.js"),
)
STYLES = ("chat.css",)
"""Those of one page, beside the stylesheet of all."""
SOURCES = ("app.css", *STYLES, *SCRIPTS, "favicon.svg", "package.json", "package-lock.json")
CLASSES = re.compile(r"""class="([^"]*)\"""")
VENDORED = {
    "htmx.org/dist/htmx.min.js": "vendor/htmx/htmx-{version}.min.js",
    "htmx.org/LICENSE": "vendor/htmx/LICENSE",
    "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2": "vendor/inter/inter-latin-wght-normal.woff2",
    "@fontsource-variable/inter/LICENSE": "vendor/inter/LICENSE",
}
VERSIONS = re.compile(r'"(htmx\.org|@fontsource-variable/inter)": "([^"]+)"')


def digest() -> str:
    """A hash over the sources and the classes in use; words of a page that are no class change nothing."""
    content = hashlib.sha256()
    for name in SOURCES:
        content.update((HERE / name).read_bytes())
    for name in sorted(classes_in_use()):
        content.update(f"{name}\n".encode())
    return content.hexdigest()


def classes_in_use() -> set[str]:
    """Every word in a class attribute of a template."""
    pages = [page.read_text() for page in sorted((ROOT / "templates").rglob("*.html"))]
    return {word for page in pages for value in CLASSES.findall(page) for word in value.split()}


def build(into: Path) -> None:
    """Write the stylesheet, the script and what is vendored."""
    into.mkdir(parents=True, exist_ok=True)
    command = [str(MODULES / ".bin" / "tailwindcss"), "-i", "app.css", "-o", str(into / "app.css"), "--minify"]
    subprocess.run(command, cwd=HERE, check=True, capture_output=True)
    for name in (*STYLES, *SCRIPTS, "favicon.svg"):
        shutil.copyfile(HERE / name, into / name)
    versions = dict(VERSIONS.findall((HERE / "package.json").read_text()))
    for source, target in VENDORED.items():
        package = "htmx.org" if source.startswith("htmx") else "@fontsource-variable/inter"
        place = into / target.format(version=versions[package])
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(MODULES / source, place)


def is_fresh() -> bool:
    """Whether static/dist is what the sources make."""
    if not DIGEST.exists() or DIGEST.read_text().strip() != digest():
        return False
    if not MODULES.exists():
        return True
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder))
        made = [file for file in Path(folder).rglob("*") if file.is_file()]
        return all((DIST / file.relative_to(folder)).read_bytes() == file.read_bytes() for file in made)


def main(arguments: list[str]) -> int:
    """Build, or check."""
    if arguments == ["--check"]:
        if is_fresh():
            return 0
        sys.stderr.write("static/dist is not what frontend/ and templates/ make: run `make css`\n")
        return 1
    if not MODULES.exists():
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HERE, check=True)
    build(DIST)
    DIGEST.write_text(digest() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

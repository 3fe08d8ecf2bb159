"""What every template keeps to, and that the built files are what their sources make."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
INLINE = re.compile(
    r"\sstyle=|<style|<script(?![^>]*\ssrc=)|\son[a-z]+=|javascript:|hx-on|hx-vals=.js:", re.IGNORECASE
)
POST_FORM = re.compile(r"<form[^>]*method=\"post\".*?</form>", re.DOTALL)
FOREIGN = re.compile(r"(?:src|href|action)=\"(?:https?:)?//")


def fault_in(pattern: re.Pattern[str]) -> list[str]:
    """The templates where the pattern is found."""
    return [str(page.relative_to(ROOT)) for page in TEMPLATES if pattern.search(page.read_text())]


class TestTheBuiltFiles:
    def test_are_what_frontend_and_templates_make(self) -> None:
        checked = subprocess.run(
            [sys.executable, "frontend/build.py", "--check"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )

        assert (checked.returncode, checked.stderr) == (0, "")

    def test_come_with_the_licences_of_others(self) -> None:
        folders = [folder for folder in (ROOT / "static" / "dist" / "vendor").iterdir() if folder.is_dir()]

        assert folders
        assert [folder.name for folder in folders if not (folder / "LICENSE").exists()] == []

    def test_were_resolved_by_a_lock_file_that_names_no_registry(self) -> None:
        assert '"resolved"' not in (ROOT / "frontend" / "package-lock.json").read_text()


class TestTemplates:
    def test_have_no_script_and_no_style_of_their_own(self) -> None:
        assert fault_in(INLINE) == []

    def test_load_nothing_from_other_sites(self) -> None:
        assert fault_in(FOREIGN) == []

    @pytest.mark.parametrize("page", TEMPLATES, ids=lambda page: str(page.relative_to(ROOT / "templates")))
    def test_send_a_token_with_every_form(self, page: Path) -> None:
        forms = POST_FORM.findall(page.read_text())

        assert [form[:80] for form in forms if "{% csrf_token %}" not in form] == []

"""What must be done before the parts can start, in one process: static files, migrations, first rows."""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command

from config.stack.folder import locked, write_privately
from config.stack.parts import ROOT


def static_folders() -> list[Path]:
    """Where static files of ours lie: what is built, and what our apps bring."""
    ours = [Path(app.path) for app in apps.get_app_configs() if "site-packages" not in app.path]
    return [*map(Path, settings.STATICFILES_DIRS), *(path / "static" for path in sorted(ours))]


def static_fingerprint() -> str:
    """Name a state of everything that collectstatic reads: our own files, and the installed versions."""
    content = hashlib.sha256((ROOT / "requirements" / "runtime.txt").read_bytes())
    for folder in static_folders():
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            content.update(f"{file}\0".encode() + file.read_bytes())
    return content.hexdigest()


def collect_static() -> None:
    """Collect the static files, unless that was done for exactly these; stacks take turns."""
    target = Path(settings.STATIC_ROOT)
    target.mkdir(parents=True, exist_ok=True)
    stamp = target / ".collected"
    with locked(target / ".lock"):
        fingerprint = static_fingerprint()
        if not (stamp.exists() and stamp.read_text() == fingerprint):
            call_command("collectstatic", interactive=False, verbosity=0)
            stamp.write_text(fingerprint)


def first_rows() -> dict[str, Any]:
    """Make the first administrator, organization and keys if nobody is there; say which, or who is there."""
    printed = io.StringIO()
    call_command("first_start", stdout=printed)
    facts: dict[str, Any] = json.loads(printed.getvalue())
    return facts


def main() -> None:
    """Do it all, and leave what the first start made (keys are shown once) in a private file."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--result", type=Path, required=True)
    parser.add_argument("--demo", type=Path, help="seed the demonstration too, and describe it in this file")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    collect_static()
    call_command("migrate", database="owner", interactive=False, verbosity=0)
    facts = first_rows()
    if facts["is_first"] or not options.result.exists():  # what nobody has seen yet is not overwritten
        write_privately(options.result, json.dumps(facts))
    if options.demo:
        call_command("seed_demo", str(options.demo), stdout=io.StringIO())


if __name__ == "__main__":
    main()

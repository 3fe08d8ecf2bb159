"""When static files are collected again."""

from __future__ import annotations

from pathlib import Path

from django.contrib.staticfiles.finders import get_finders

from config.stack.first_start import static_folders


class TestTheFingerprint:
    def test_covers_every_static_file_that_is_ours(self) -> None:
        files = [
            Path(storage.path(name))
            for finder in get_finders()
            for name, storage in finder.list([])
            if "site-packages" not in storage.path(name)
        ]

        uncovered = [file for file in files if not any(map(file.is_relative_to, static_folders()))]

        assert files
        assert uncovered == []

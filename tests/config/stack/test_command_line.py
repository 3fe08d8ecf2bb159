"""What `dev.py` hands over to the stack's command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.stack.__main__ import parse


class TestManage:
    @pytest.mark.parametrize(
        "asked",
        [["reconcile"], ["rotate_secrets", "--discard", "k1"], ["sync_catalog", "--help"], ["--help"]],
    )
    def test_gives_the_command_everything_but_the_folder(self, asked: list[str]) -> None:
        options = parse(["manage", *asked, "--data", "elsewhere"])

        assert (options.rest, options.data) == (asked, Path("elsewhere"))

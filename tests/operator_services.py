"""What an operator has set up for plugins, as the control plane sees it: a search engine, an OCR and a moderator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from config.lib.environment import environment

SERVICES = {
    "HEADGATE_EXA_API_KEY": "exa-key",
    "HEADGATE_MISTRAL_OCR_API_KEY": "ocr-key",
    "HEADGATE_MODERATION_URL": "http://127.0.0.1:9/v1",
}


@contextmanager
def services_set_up() -> Iterator[None]:
    """Have them set up as long as the block lasts."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SERVICES.items():
            patch.setenv(name, value)
        environment.cache_clear()
        yield
    environment.cache_clear()

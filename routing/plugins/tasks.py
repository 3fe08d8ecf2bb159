"""What a worker can be asked for, by name: bytes in, plain values out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from routing.plugins.heavy_work import read_pdf, repair_json
from routing.plugins.page_text import read_page

TASKS: dict[str, Callable[[bytes], Any]] = {"json": repair_json, "pdf": read_pdf, "page": read_page}

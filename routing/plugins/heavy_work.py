"""Heavy work on what strangers wrote: repair of JSON, text of PDF files. Done in a process of its own (worker.py)."""

from __future__ import annotations

import io
import json

import json_repair
from pypdf import PdfReader
from pypdf.errors import PyPdfError

MOST_PAGES = 500
MOST_CHARACTERS = 2_000_000
FENCE = "```"


class CannotRead(Exception):
    """The data is not what it should be; the text is fit for callers."""


def repair_json(data: bytes) -> str:
    """The JSON that a text holds, its small faults mended; empty where there is none.

    Text around an object is left out, and so is Markdown; an object is preferred to a list in a sentence.
    """
    text = data.decode("utf-8", "replace")
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=-1)
    if start < 0:
        return ""
    found = json_repair.loads(text[start:].rstrip().removesuffix(FENCE), skip_json_loads=False)
    return json.dumps(found, ensure_ascii=False) if isinstance(found, dict | list) and found else ""


def read_pdf(data: bytes) -> list[str]:
    """The text of each page. Raises CannotRead, also for a file that is longer than it may be."""
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            raise CannotRead("it is encrypted")
        if len(reader.pages) > MOST_PAGES:
            raise CannotRead(f"it has more than {MOST_PAGES} pages")
        pages, length = [], 0
        for page in reader.pages:
            pages.append(page.extract_text().encode("utf-8", "replace").decode())
            length += len(pages[-1])
            if length > MOST_CHARACTERS:
                raise CannotRead(f"it has more than {MOST_CHARACTERS} characters")
    except CannotRead:
        raise
    except (PyPdfError, ArithmeticError, AttributeError, LookupError, OSError) as error:
        raise CannotRead("it is broken") from error
    except (RecursionError, NotImplementedError, TypeError, ValueError, ImportError) as error:
        raise CannotRead("it is broken") from error
    return pages

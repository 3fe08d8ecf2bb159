"""`file-parser`: PDF files become text that any model can read."""

from __future__ import annotations

from config.lib.declared import Choice, Group
from routing.plugins.plugin import Plugin

PDF_ENGINES = ("pdf-text", "mistral-ocr", "native", "cloudflare-ai")


class FileParser(Plugin):
    """Parsing of files."""

    slug = "file-parser"
    name = "PDF inputs"
    about = "Reads the text of PDF files for models that cannot."
    fields = (
        Group(
            name="pdf",
            fields=(Choice(name="engine", values=PDF_ENGINES),),
            help="How PDF files are read.",
        ),
    )

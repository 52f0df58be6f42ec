"""Long texts without spaces, such as e-mails, that may be broken where a reader would."""

import re
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import mark_safe

PARTS = re.compile(r"(?<=[@._/-])(?=.)")


def breakable(text: str | None) -> Any:
    """Return the text as HTML that may be broken behind its @, dots, slashes, _ and hyphens."""
    if not text:
        return text
    return format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in PARTS.split(text)))

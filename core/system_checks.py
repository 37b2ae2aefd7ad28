"""What Django checks at start-up: that papers can be printed fast and with the right letters."""

import ctypes
from ctypes.util import find_library
from typing import Any

from django.core.checks import CheckMessage, Warning, register

from core import fonts


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(find_library(library) or f"lib{library}.so.0")
    except OSError:
        return False
    return True


@register()
def printing(**kwargs: Any) -> list[CheckMessage]:
    """Warns where printing would fall back to something slow, which nobody would notice else."""
    problems: list[CheckMessage] = []
    if not _loads("harfbuzz-subset"):
        problems.append(
            Warning(
                "libharfbuzz-subset is missing: a Chinese PDF takes seconds instead of 50 ms",
                hint="apt-get install libharfbuzz-subset0",
                id="core.W001",
            )
        )
    if fonts.subset_font() is None:
        problems.append(
            Warning(
                "the small print font is not built: each PDF takes three times as long",
                hint="manage.py build_fonts",
                id="core.W002",
            )
        )
    return problems

"""What papers say, as text that their line breaks and gaps do not change."""

from io import BytesIO

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext
from pypdf import PdfReader


def text_of(pdf: bytes) -> str:
    """What a paper says, without any gap."""
    return "".join("".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages)


def said(words: str) -> str:
    """Words as papers say them, without any gap."""
    with translation.override(settings.LANGUAGE_CODE):
        return "".join(gettext(words).split())

"""Printed matter: HTML and our own stylesheets in, PDF out (WeasyPrint).

Everything slow is kept for the life of the process: one font configuration, one parsed stylesheet
for each set of files. A new one for every document would be slower and grow in memory.
Call it outside transactions.
"""

import io
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any
from urllib.parse import unquote, urlsplit

import segno
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.loader import render_to_string
from pypdf import PdfReader, PdfWriter
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from core import fonts

# No such host exists: a page that names any other address gets nothing.
BASE_URL = "https://print.invalid"
BASE_STYLESHEET = "css/print/base.css"
# 1,000 pages in one document take 700 MB, in chunks of this many joined afterwards 190 MB.
CHUNK = 50

_FACES = f"""
@font-face {{ font-family: "Print Common"; src: url("{BASE_URL}/fonts/{fonts.SUBSET_NAME}"); }}
@font-face {{ font-family: "Print Full"; src: url("{BASE_URL}/fonts/{fonts.FULL_NAME}"); }}
"""
# WeasyPrint's configuration is shared, and Pango is not made for two threads in one font map.
_LOCK = threading.Lock()


class OwnFilesOnly(URLFetcher):
    """Fetches our fonts, our static files and data: addresses; nothing else, wherever it points."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols={"data", "https"}, allow_redirects=False)

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> URLFetcherResponse:
        """The file that `url` names; ValueError for what is not ours."""
        if url.startswith("data:"):
            return super().fetch(url)
        parts = urlsplit(url)
        if f"{parts.scheme}://{parts.netloc}" != BASE_URL:
            raise ValueError(f"{url} is not one of our own files")
        return URLFetcherResponse(url, _own_file(unquote(parts.path)))


def _own_file(path: str) -> bytes:
    if path == f"/fonts/{fonts.FULL_NAME}":
        return fonts.full_font().read_bytes()
    if path == f"/fonts/{fonts.SUBSET_NAME}":
        # Before the subset is built, papers are set in the full font: slower, never wrong.
        return (fonts.subset_font() or fonts.full_font()).read_bytes()
    if path.startswith(settings.STATIC_URL):
        return _static_file(path.removeprefix(settings.STATIC_URL))
    raise ValueError(f"{path} is not one of our own files")


def _static_file(name: str) -> bytes:
    """A static file by its name (hashed or not). Both look-ups refuse to leave their folders."""
    found = finders.find(name)
    if isinstance(found, str):
        with open(found, "rb") as source:
            return source.read()
    with staticfiles_storage.open(name) as source:
        content: bytes = source.read()
        return content


@lru_cache(maxsize=1)
def _font_configuration() -> FontConfiguration:
    return FontConfiguration()


@lru_cache(maxsize=1)
def _fetcher() -> OwnFilesOnly:
    return OwnFilesOnly()


@lru_cache(maxsize=32)
def _stylesheet(names: tuple[str, ...]) -> CSS:
    text = _FACES + "\n".join(_static_file(name).decode() for name in names)
    return CSS(
        string=text,
        base_url=f"{BASE_URL}{settings.STATIC_URL}css/print/",
        url_fetcher=_fetcher(),
        font_config=_font_configuration(),
    )


def render_pdf(html: str, *, stylesheets: Sequence[str] = ()) -> bytes:
    """`html` as PDF, set with the base stylesheet of all papers and then `stylesheets`.

    Stylesheets are names of static files, e.g. "css/print/receipt.css".
    """
    with _LOCK:
        document = HTML(string=html, base_url=BASE_URL + "/", url_fetcher=_fetcher())
        pdf: bytes = document.write_pdf(
            stylesheets=[_stylesheet((BASE_STYLESHEET, *stylesheets))],
            font_config=_font_configuration(),
        )
    return pdf


def render_template_pdf(
    template: str, context: Mapping[str, Any], *, stylesheets: Sequence[str] = ()
) -> bytes:
    """A template rendered with `context`, as PDF."""
    return render_pdf(render_to_string(template, dict(context)), stylesheets=stylesheets)


def render_many(
    pages: Iterable[str],
    *,
    wrap: str,
    stylesheets: Sequence[str] = (),
    report: Callable[[int], None] = lambda done: None,
) -> bytes:
    """Many short pieces of HTML as one PDF, in chunks so that memory stays flat.

    `wrap` is the document with `{pages}` where the pieces go. Each piece should begin a new page
    in the stylesheet (`break-before: page`). After each chunk `report` hears how many pieces are
    done. No pieces: ValueError, a PDF has at least one page.
    """
    parts: list[bytes] = []
    done = 0
    left = iter(pages)
    while chunk := list(islice(left, CHUNK)):
        parts.append(render_pdf(wrap.replace("{pages}", "".join(chunk)), stylesheets=stylesheets))
        done += len(chunk)
        report(done)
    if not parts:
        raise ValueError("nothing to print")
    return parts[0] if len(parts) == 1 else join_pdfs(parts)


def join_pdfs(parts: Iterable[bytes]) -> bytes:
    """PDFs one after the other, as one."""
    writer = PdfWriter()
    for part in parts:
        writer.append(PdfReader(io.BytesIO(part)))
    joined = io.BytesIO()
    writer.write(joined)
    return joined.getvalue()


def qr_data_uri(content: str, *, scale: int = 4) -> str:
    """`content` as a QR code in a data: address, for an <img> on paper or on a page.

    A picture of dots (PNG): drawing it as SVG takes a quarter of a receipt's time.
    """
    uri: str = segno.make(content, error="m", micro=False).png_data_uri(scale=scale, border=2)
    return uri

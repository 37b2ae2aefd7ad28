"""Printed matter: the right letters, only our own files, quick on the second time."""

import io
import logging
import re
from typing import cast

import pytest
from django.core.management import call_command
from pypdf import PdfReader
from pypdf.generic import DictionaryObject

from core import fonts, pdf, system_checks


@pytest.fixture(scope="session")
def built_font():
    """The subset in its usual place: built once a machine, seconds the first time."""
    return fonts.build_subset()


def fonts_of(document: bytes) -> set[str]:
    names = set()
    for page in PdfReader(io.BytesIO(document)).pages:
        resources = cast(DictionaryObject, page["/Resources"])
        for font in cast(DictionaryObject, resources["/Font"]).values():
            names.add(font.get_object()["/BaseFont"])
    return names


def text_of(document: bytes) -> str:
    pages = PdfReader(io.BytesIO(document)).pages
    return re.sub(r"\s", "", "".join(page.extract_text() for page in pages))


def test_common_text_uses_the_subset_alone(built_font):
    document = pdf.render_pdf("<p>物业服务费 128.56 m² × ¥2.35 = ¥302.12 —— 收据（第 1 联）</p>")
    assert len(fonts_of(document)) == 1
    assert "物业服务费128.56m²×¥2.35=¥302.12" in text_of(document)


@pytest.mark.parametrize("name", ["骉小明", "䶮女士", "堃先生"])
def test_rare_names_have_letters(built_font, name):
    """A letter that no font has would come out as a box, or from some other font of the machine."""
    document = pdf.render_pdf(f"<p>付款人 {name}</p>")
    assert name in text_of(document)
    assert all("NotoSansSC" in font or "Print" in font for font in fonts_of(document))
    assert 1 <= len(fonts_of(document)) <= 2


def test_subset_lacks_what_the_full_font_brings(built_font):
    """Without this the test above would prove nothing."""
    assert ord("骉") not in fonts.common_characters()
    assert ord("费") in fonts.common_characters()


def test_before_the_subset_is_built_the_full_font_serves(settings, tmp_path):
    settings.PDF_FONT_DIR = tmp_path
    assert fonts.subset_font() is None
    assert pdf._own_file(f"/fonts/{fonts.SUBSET_NAME}") == fonts.full_font().read_bytes()
    assert "core.W002" in {problem.id for problem in system_checks.printing()}


def test_build_fonts_builds_once(built_font, settings, tmp_path, capsys):
    settings.PDF_FONT_DIR = tmp_path
    (tmp_path / fonts.SUBSET_NAME).write_bytes(b"as it was")
    call_command("build_fonts")
    assert (tmp_path / fonts.SUBSET_NAME).read_bytes() == b"as it was"
    assert fonts.SUBSET_NAME in capsys.readouterr().out


def test_a_missing_library_is_told(monkeypatch):
    monkeypatch.setattr(system_checks, "_loads", lambda library: False)
    assert "core.W001" in {problem.id for problem in system_checks.printing()}


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/logo.png",
        "https://print.invalid/etc/passwd",
        "https://print.invalid/static/../config/settings.py",
        "https://print.invalid/static/%2e%2e/config/settings.py",
        "ftp://print.invalid/static/x",
    ],
)
def test_only_own_files_are_fetched(url):
    with pytest.raises(Exception, match=r"not one of our own|disallowed|outside|No such file"):
        pdf.OwnFilesOnly().fetch(url)


def test_foreign_picture_is_left_out_and_the_paper_printed(caplog):
    with caplog.at_level(logging.CRITICAL, logger="weasyprint"):
        document = pdf.render_pdf('<p>收据</p><img src="https://example.com/x.png">')
    assert "收据" in text_of(document)


def test_qr_code_is_drawn():
    document = pdf.render_pdf(f'<img src="{pdf.qr_data_uri("https://example.com/a")}">')
    assert len(document) > 1000


def test_many_pages_are_printed_in_chunks(monkeypatch):
    monkeypatch.setattr(pdf, "CHUNK", 2)
    pages = (f'<section style="break-before: page">第{number}页</section>' for number in range(5))
    document = pdf.render_many(pages, wrap="<html><body>{pages}</body></html>")
    assert len(PdfReader(io.BytesIO(document)).pages) == 5
    assert "第0页第1页第2页第3页第4页" in text_of(document)


def test_nothing_to_print_is_an_error():
    with pytest.raises(ValueError, match="nothing"):
        pdf.render_many([], wrap="{pages}")

"""The typeface of printed matter: Noto Sans SC, and a small subset of it for speed.

A page set in the full font (8 MB, 30,000 characters) takes three times as long as one set in the
subset that `manage.py build_fonts` makes once: the 6,763 characters of GB2312 and the signs that
our papers use. Rare characters in names (骉 䶮 堃) come from the full font, so both are listed.
There is one weight: papers set headings by size, never by bold.
"""

import os
import tempfile
from pathlib import Path

import pylopdf_fonts_zh_cn
from django.conf import settings

SUBSET_NAME = "sans-gb2312.otf"
FULL_NAME = "sans-full.otf"

# Latin, punctuation, superscripts, currency, box and arrow signs, CJK punctuation, full width.
_RANGES = [
    (0x20, 0x7E),
    (0xA0, 0xFF),
    (0x2010, 0x2027),
    (0x2030, 0x205E),
    (0x20A0, 0x20BF),
    (0x2100, 0x214F),
    (0x2190, 0x2199),
    (0x2200, 0x22FF),
    (0x2460, 0x24FF),
    (0x25A0, 0x25FF),
    (0x2605, 0x2606),
    (0x2713, 0x2717),
    (0x3000, 0x303F),
    (0xFF00, 0xFFEF),
]


def font_dir() -> Path:
    """Where the built subset lies: PDF_FONT_DIR, by default `.local/fonts`."""
    return Path(settings.PDF_FONT_DIR)


def full_font() -> Path:
    """The full font, as installed with its package."""
    path: Path = pylopdf_fonts_zh_cn.sans_path()
    return path


def subset_font() -> Path | None:
    """The subset, or None while `build_fonts` has not been run."""
    path = font_dir() / SUBSET_NAME
    return path if path.is_file() else None


def common_characters() -> set[int]:
    """Code points of the subset: all of GB2312 and the signs of our papers."""
    points = {point for first, last in _RANGES for point in range(first, last + 1)}
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                points.add(ord(bytes((high, low)).decode("gb2312")))
            except UnicodeDecodeError:
                continue  # a hole in the table
    return points


def build_subset(*, again: bool = False) -> Path:
    """Builds the subset unless it is there (`again`: even then) and returns its path.

    Written beside its place and renamed, so that two builds at once or a crash leave no half font.
    """
    target = font_dir() / SUBSET_NAME
    if target.is_file() and not again:
        return target
    from fontTools import subset  # a second to import, for this one job

    options = subset.Options(notdef_outline=True, name_IDs=["*"], hinting=False)
    with subset.load_font(str(full_font()), options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=common_characters())
        subsetter.subset(font)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, suffix=".otf")
        os.close(handle)
        try:
            subset.save_font(font, name, options)
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    target.chmod(0o644)
    return target

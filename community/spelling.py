"""The many ways to write a unit's code: 3栋2单元1502室, 3#2-1502, ３－２－１５０２, s01."""

import re
import unicodedata

# What stands between or after the parts: words, dashes of every kind, blanks.
_BETWEEN = re.compile(
    r"(?:号楼|栋|幢|座|楼|单元|门|室|号|房|层"
    r"|[\s#,，、./\\_:：~\-‐-―－ー一])+"
)
_PARTS = re.compile(r"[0-9A-Z]+(?:-[0-9A-Z]+)*")


def normal_code(text: str) -> str:
    """`text` in the spelling of the register (`3-2-1502`), or '' if it cannot be a unit code."""
    plain = unicodedata.normalize("NFKC", text).upper().strip()
    code = _BETWEEN.sub("-", plain).strip("-")
    return code if _PARTS.fullmatch(code) and re.search(r"\d", code) else ""

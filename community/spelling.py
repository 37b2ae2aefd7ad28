"""The many ways to write a unit's code: 3栋2单元1502室, 3#2-1502, ３－２－１５０２, s01."""

import re
import unicodedata

# What stands between or after the parts: words, dashes of every kind, blanks.
_BETWEEN = re.compile(
    r"(?:号楼|栋|幢|座|楼|单元|门|室|号|房|层"
    r"|[\s#,，、./\\_:：~\-‐-―－ー一])+"
)
# 三栋二单元: numerals below 100, where a word for a part of a building follows.
_NUMERAL = re.compile(
    r"([一二三四五六七八九]?十?[一二三四五六七八九]?)(?=号楼|栋|幢|座|楼|单元|门|层)"
)
_DIGITS = {digit: value for value, digit in enumerate("零一二三四五六七八九")}
_PARTS = re.compile(r"[0-9A-Z]+(?:-[0-9A-Z]+)*")


def normal_code(text: str) -> str:
    """`text` in the spelling of the register (`3-2-1502`), or '' if it cannot be a unit code."""
    plain = unicodedata.normalize("NFKC", text).upper().strip()
    plain = _NUMERAL.sub(lambda found: _arabic(found[1]), plain)
    code = _BETWEEN.sub("-", plain).strip("-")
    return code if _PARTS.fullmatch(code) and re.search(r"\d", code) else ""


def _arabic(numeral: str) -> str:
    """三 as 3, 十二 as 12, 二十 as 20; '' stays ''."""
    if not numeral:
        return ""
    tens, ten, ones = numeral.rpartition("十")
    value = _DIGITS[ones] if ones else 0
    return str(value + (_DIGITS[tens] if tens else 1) * 10 if ten else value)

"""Names in Latin letters, so that the front desk finds 张三 by typing "zhang san" or "zs"."""

from functools import lru_cache

from pypinyin import lazy_pinyin


def pinyin(name: str) -> tuple[str, str]:
    """The pinyin of a name in lower case, and its initials: ("zhang san", "zs")."""
    syllables = [_syllable(character) for character in name if not character.isspace()]
    return (
        " ".join(syllables)[:200],
        "".join(syllable[:1] for syllable in syllables)[:50],
    )


@lru_cache(maxsize=20_000)
def _syllable(character: str) -> str:
    """The commonest reading of one character; what is no Chinese character stays as it is."""
    return "".join(lazy_pinyin(character)).lower()

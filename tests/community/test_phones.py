import pytest

from community.phones import mainland_mobile


@pytest.mark.parametrize(
    "typed",
    [
        "13812345678",
        " 138 1234 5678 ",
        "138-1234-5678",
        "+86 138 1234 5678",
        "+8613812345678",
        "008613812345678",
        "8613812345678",
        "（＋８６）１３８１２３４５６７８",
        "１３８ １２３４ ５６７８",
        "138\u00a01234\u00a05678",
    ],
)
def test_usual_spellings(typed: str) -> None:
    assert mainland_mobile(typed) == "13812345678"


@pytest.mark.parametrize(
    "typed",
    ["", "1381234567", "138123456789", "12812345678", "0571-88880000", "+85212345678", "一三八"],
)
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        mainland_mobile(typed)

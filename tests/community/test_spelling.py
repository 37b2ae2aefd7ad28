"""Residents and clerks write a unit's code as they speak it."""

import pytest

from community.spelling import normal_code


@pytest.mark.parametrize(
    "text",
    [
        "3-2-1502",
        " 3 2 1502 ",
        "3栋2单元1502室",
        "3幢2单元1502",
        "3号楼2单元1502房",
        "3#2-1502",
        "3－2－1502",  # full width
        "３栋２单元１５０２号",
        "3/2/1502",
        "3—2—1502",
        "三栋二单元1502室",
    ],
)
def test_one_code_in_many_spellings(text: str) -> None:
    assert normal_code(text) == "3-2-1502"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("s-01", "S-01"),
        ("b1-a-023", "B1-A-023"),
        ("1502", "1502"),
        ("十二栋一单元101", "12-1-101"),
        ("二十栋三十五单元101", "20-35-101"),
    ],
)
def test_codes_with_letters_and_single_parts(text: str, code: str) -> None:
    assert normal_code(text) == code


@pytest.mark.parametrize("text", ["王小明", "zs", "", "  ", "—", "楼建国", "3栋王小明", "'; DROP"])
def test_what_is_no_code(text: str) -> None:
    assert normal_code(text) == ""

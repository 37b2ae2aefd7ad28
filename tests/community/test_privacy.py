"""What a screen shows of a person."""

import pytest

from community.privacy import masked_email, masked_name, masked_phone


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("张", "张"),
        ("张三", "张*"),
        ("王小明", "王*明"),
        ("欧阳小明", "欧**明"),
        ("杭州云栖置业有限公司", "杭州***公司"),
    ],
)
def test_names(name: str, shown: str) -> None:
    assert masked_name(name) == shown


@pytest.mark.parametrize(
    ("phone", "shown"), [("13812345678", "138****5678"), ("123456", "****56"), ("", "")]
)
def test_phones(phone: str, shown: str) -> None:
    assert masked_phone(phone) == shown


@pytest.mark.parametrize(
    ("email", "shown"),
    [("zhang@example.com", "z****@example.com"), ("z@example.com", "z*@example.com"), ("", "")],
)
def test_emails(email: str, shown: str) -> None:
    assert masked_email(email) == shown

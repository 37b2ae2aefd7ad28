"""What production refuses to start with, as a process of its own reads its environment."""

import os
import subprocess
import sys

import pytest

SECRETS = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "SMS_REPORT_TOKEN")
GOOD = {
    **os.environ,
    **dict.fromkeys(SECRETS, "x" * 50),
    "DJANGO_ENV": "production",
    "EMAIL_URL": "smtp://mail.example.com",
}


def said(**changed: str) -> str:
    """Why the settings cannot be read with `changed`; empty if they can."""
    done = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        env=GOOD | changed,
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) is bool(done.stderr)
    return done.stderr


def test_production_starts_with_what_is_good() -> None:
    assert said() == ""


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ALIYUN_SMS_ENDPOINT", "127.0.0.1:9102"),
        ("ALIYUN_SMS_ENDPOINT", "http://localhost:9102"),
        ("EMAIL_URL", "smtp://127.0.0.1:8025"),
        ("EMAIL_URL", "smtp://"),
        ("WECHATPAY_GATEWAY", "http://127.0.0.1:9100"),
        ("WECHATPAY_GATEWAY", "http://LOCALHOST"),
        ("ALIPAY_GATEWAY", "http://127.0.0.1:9101/gateway.do"),
        ("ALIPAY_GATEWAY", "http://[::1]:9101/gateway.do"),
        ("WECHAT_OPEN_URL", "http://127.0.0.1:9100"),
        ("WECHAT_API_URL", "http://127.0.0.1:9100"),
    ],
)
def test_a_simulator_is_refused_with_or_without_a_merchant_account(name: str, address: str) -> None:
    assert f"{name} must name the real service" in said(**{name: address})
    half = {"WECHATPAY_MCHID": "1900000001", "ALIPAY_APP_ID": "2021000000000001"}
    assert f"{name} must name the real service" in said(**half, **{name: address})


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", ["", "short"])
def test_a_secret_that_is_missing_or_short_is_refused(name: str, value: str) -> None:
    assert f"{name} must be set to at least 32 random characters" in said(**{name: value})

"""What production refuses to start with, as a process of its own reads its environment."""

import os
import re
import subprocess
import sys

import pytest
from cryptography.fernet import Fernet
from django.urls import resolve, reverse

from config.environment import BASE_DIR

DOC = (BASE_DIR / "docs" / "production.md").read_text(encoding="utf-8")
SECRETS = ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "SMS_REPORT_TOKEN")
GOOD = {
    **{name: text for name, text in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"},
    **dict.fromkeys(SECRETS, "x" * 50),
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "DJANGO_ENV": "production",
    "EMAIL_URL": "smtp://mail.example.com",
    "SITE_URL": "https://pay.example.com",
    "ALLOWED_HOSTS": "pay.example.com",
}
# Prints each variable that the settings ask for.
LISTENER = """
import environ
read = environ.Env.get_value
def listen(self, name, *args, **options):
    print(name)
    return read(self, name, *args, **options)
environ.Env.get_value = listen
import config.settings
"""


def said(**changed: str) -> str:
    """Why the settings cannot be read with `changed`; empty if they can."""
    done = run("-c", "import config.settings", **changed)
    assert bool(done.returncode) is bool(done.stderr)
    return done.stderr


def run(*command: str, **changed: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env=GOOD | changed,
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def rows(heading: str) -> list[str]:
    """The variables of the table that follows `heading` in the document."""
    table = DOC.partition(heading)[2].partition("\n\n")[0]
    return re.findall(r"^\| `([A-Z0-9_]+)` \|", table, re.MULTILINE)


DEMANDED = rows("names it:\n\n")


def test_production_starts_with_what_is_good() -> None:
    assert said() == ""


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ALIYUN_SMS_ENDPOINT", "127.0.0.1:9102"),
        ("ALIYUN_SMS_ENDPOINT", "http://localhost:9102"),
        ("EMAIL_URL", "smtp://127.0.0.1:8025"),
        ("EMAIL_URL", "smtp://"),
        ("SITE_URL", "http://127.0.0.1:8000"),
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


def test_the_document_names_each_variable_that_is_read_and_no_other() -> None:
    read = set(run("-c", LISTENER).stdout.split())
    named = re.findall(r"^\| `([A-Z0-9_]+)` \|", DOC, re.MULTILINE)
    assert len(read) > 50
    assert sorted(named) == sorted(read)


def test_what_the_document_calls_demanded_is_enough_and_nothing_of_it_too_much() -> None:
    channels = {
        name: "there" for name in DEMANDED if name.startswith(("ALIYUN_SMS_", "SMS_TEMPLATE_"))
    }
    key = {"FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    assert {*channels, *GOOD} >= set(DEMANDED)
    enough = run("manage.py", "check", "--deploy", **channels, **key)
    assert (enough.returncode, enough.stderr.count("ERRORS")) == (0, 0)
    missing = run("manage.py", "check", "--deploy", **dict.fromkeys(channels, ""), **key).stderr
    assert set(re.findall(r"([A-Z_]+) is not set", missing)) == set(channels)


def test_the_addresses_that_the_document_names_exist() -> None:
    """Those of callbacks, as our own code makes them; the pay page's, as entered at WeChat."""
    named = re.findall(r"`SITE_URL(/[^`]*)`", DOC)
    own = reverse("payments:merchant_callback", args=["wechatpay", "yunqi"])
    assert [one for one in named if one.startswith("/callbacks/")] == [own]
    assert reverse("payments:pay") in named
    assert all(resolve(one) for one in named)


def test_half_an_account_stops_no_look_at_the_books() -> None:
    """`check` names it; verify_books gets as far as the database, which is not there: status 2."""
    half = {"WECHATPAY_ACCOUNTS": "yunqi", "WECHATPAY_YUNQI_MCHID": "1900000001"}
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:9/none"}
    checked = run("manage.py", "check", **half)
    assert checked.returncode == 1
    assert "WECHATPAY_YUNQI_APPID is not set" in checked.stderr
    looked = run("manage.py", "verify_books", **half, **nowhere)
    assert looked.returncode == 2
    assert "WECHATPAY" not in looked.stderr


@pytest.mark.parametrize("minutes", ["0", "121"])
def test_an_orders_life_has_bounds(minutes: str) -> None:
    assert "ORDER_LIFE_MINUTES must be from 1 to 120" in said(ORDER_LIFE_MINUTES=minutes)


@pytest.mark.parametrize("name", ["ALLOWED_HOSTS", "SITE_URL", "EMAIL_URL", *SECRETS])
def test_what_else_is_demanded_is_named_by_the_settings(name: str) -> None:
    assert name in DEMANDED
    assert name in said(**{name: "smtp://" if name == "EMAIL_URL" else ""})

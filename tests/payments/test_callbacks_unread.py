"""A callback whose body cannot be had is refused in few bytes and one line of the log."""

import logging
from io import BytesIO
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client

from core.logs import LineFormatter
from payments.models import ProviderEvent

pytestmark = pytest.mark.django_db
TOO_LONG = b"x" * 3_000_000


class BrokenUpload(BytesIO):
    """What a server hands on when the other side goes away in the middle."""

    def read(self, *args: Any) -> bytes:
        raise OSError("gone")


def lines(caplog: pytest.LogCaptureFixture) -> str:
    return "\n".join(map(LineFormatter().format, caplog.records))


@pytest.mark.parametrize(
    ("provider", "said"), [("wechatpay", b'"code": "FAIL"'), ("alipay", b"fail")]
)
def test_a_body_that_is_too_long(
    client: Client, merchant: Any, alipay: Any, caplog: Any, provider: str, said: bytes
) -> None:
    answer = client.post(f"/callbacks/{provider}/", TOO_LONG, content_type="application/json")
    assert answer.status_code == 413
    assert said in answer.content
    assert len(answer.content) < 200
    assert not ProviderEvent.objects.exists()
    assert "callback of" in lines(caplog)
    assert "Traceback" not in lines(caplog)


def test_a_body_that_breaks_off(client: Client, merchant: Any, caplog: Any) -> None:
    answer = client.generic(
        "POST",
        "/callbacks/wechatpay/",
        content_type="application/json",
        **{"wsgi.input": BrokenUpload(), "CONTENT_LENGTH": "100"},  # type: ignore[arg-type]
    )
    assert (answer.status_code, b"FAIL" in answer.content) == (400, True)
    assert "not read: gone" in lines(caplog)
    assert "Traceback" not in lines(caplog)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "GET"])
def test_another_method_is_refused_unread(client: Client, method: str, caplog: Any) -> None:
    answer = client.generic(method, "/callbacks/wechatpay/", TOO_LONG)
    assert (answer.status_code, answer.content) == (405, b"")
    assert "Traceback" not in lines(caplog)


def test_a_refused_page_is_one_line_and_an_error_keeps_its_traceback(
    client: Client, caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from payments.views import callbacks

    client.raise_request_exception = False
    for raised, status in ((PermissionDenied("no"), 403), (RuntimeError("broken"), 500)):
        caplog.clear()
        monkeypatch.setattr(callbacks.providers, "get", _raising(raised))
        answer = client.post("/callbacks/wechatpay/", b"", content_type="application/json")
        assert answer.status_code == status
        assert ("Traceback" in lines(caplog)) is (status == 500)


def _raising(error: Exception) -> Any:
    def get(*args: Any) -> None:
        raise error

    return get


def test_the_log_is_written_that_way() -> None:
    written = [handler.formatter for handler in logging.getLogger().handlers]
    assert any(isinstance(formatter, LineFormatter) for formatter in written)

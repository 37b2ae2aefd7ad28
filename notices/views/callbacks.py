"""Addresses that providers call."""

import json
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from community.access import public
from notices.services.reports import Report, record_reports

MOST_BYTES = 1_000_000


@public
@csrf_exempt
@require_POST
def sms_report(request: HttpRequest, token: str) -> JsonResponse:
    """Aliyun's SmsReport: a JSON array of what became of messages, repeated until answered.

    It is not signed. Whoever does not know the token in the address gets 404.
    """
    if not secrets.compare_digest(token.encode(), settings.SMS_REPORT_TOKEN.encode()):
        raise Http404
    if int(request.headers.get("Content-Length") or 0) > MOST_BYTES:
        return JsonResponse({"code": 413, "msg": "too long"}, status=413)
    try:
        lines = json.loads(request.body)
    except (ValueError, RecursionError, UnreadablePostError):  # the last: it broke off
        return JsonResponse({"code": 400, "msg": "not JSON"}, status=400)
    if not isinstance(lines, list):
        return JsonResponse({"code": 400, "msg": "not an array"}, status=400)
    record_reports(reports=[report for line in lines if (report := _read(line))])
    return JsonResponse({"code": 0, "msg": "成功"})


def _read(line: Any) -> Report | None:
    """A line of the array; None for what is not about a message of ours."""
    if not isinstance(line, dict):
        return None
    try:
        key = uuid.UUID(str(line.get("out_id")))
    except ValueError:
        return None
    code, words = line.get("err_code") or "", line.get("err_msg") or ""
    return Report(
        key=key,
        phone=str(line.get("phone_number") or ""),
        arrived=line.get("success") is True,
        reason=f"{code} {words}".strip() or "the operator reports a failure",
        provider_id=str(line.get("biz_id") or ""),
    )

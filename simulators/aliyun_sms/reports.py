"""Delivery reports (SmsReport): a JSON array posted to the merchant's address."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from simulators.aliyun_sms.messages import Message, parts
from simulators.layout import moment
from simulators.posting import Answer, post
from simulators.web import Refused

EXPLANATIONS = {"DELIVERED": "用户接收成功", "MOBILE_NOT_ON_SERVICE": "手机号停机"}


class Reports:
    """Where reports go, and whether they go by themselves."""

    def __init__(self) -> None:
        self.reset()
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="report")

    def reset(self) -> None:
        self.url = os.environ.get("SIM_SMS_REPORT_URL", "")
        self.automatic = True

    def settings(self) -> dict[str, Any]:
        return {"report_url": self.url, "auto_report": self.automatic}

    def change(self, values: dict[str, Any]) -> None:
        """Raises Refused (400) for a setting that does not exist."""
        if unknown := values.keys() - self.settings().keys():
            raise Refused(400, "PARAM_ERROR", f"No setting {', '.join(sorted(unknown))}")
        self.url = str(values.get("report_url", self.url))
        self.automatic = bool(values.get("auto_report", self.automatic))

    def send_later(self, found: list[Message]) -> None:
        """Report in the background, if there is an address."""
        if self.url:
            self._pool.submit(self.send, found)

    def send(self, found: list[Message]) -> Answer:
        """Report now, as one request. Raises Refused (400) without an address."""
        if not self.url:
            raise Refused(400, "PARAM_ERROR", "There is no report_url")
        body = json.dumps([_line(message) for message in found], ensure_ascii=False).encode()
        return post(self.url, body, {"Content-Type": "application/json; charset=utf-8"})

    def stop(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _line(message: Message) -> dict[str, Any]:
    return {
        "phone_number": message["phone"],
        "send_time": moment(message["sent_at"]),
        "report_time": moment(message["reported_at"]),
        "success": message["status"] == "delivered",
        "err_code": message["err_code"],
        "err_msg": EXPLANATIONS.get(message["err_code"], message["err_code"]),
        "sms_size": str(parts(message["text"])),
        "biz_id": message["biz_id"],
        "out_id": message["out_id"],
    }

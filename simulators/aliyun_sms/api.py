"""The endpoint: one path, the action named in a header, answers in the vendor's shape."""

import uuid
from typing import Any

from simulators.aliyun_sms import messages
from simulators.aliyun_sms.office import Office
from simulators.aliyun_sms.signing import Verifier
from simulators.layout import moment
from simulators.web import Application, Refused, Request, Response, json_response

VERSION = "2017-05-25"
STATUS = {"waiting": 1, "failed": 2, "delivered": 3}
LARGEST_PAGE = 50


def add_routes(application: Application, office: Office) -> None:
    """Register the endpoint that the SDK calls."""
    verifier = Verifier(office.account)

    @application.route("POST", "/")
    def call(request: Request) -> Response:
        verifier.check(request)
        action = request.header("x-acs-action")
        if request.header("x-acs-version") != VERSION:
            raise Refused(400, "InvalidVersion", "Specified parameter Version is not valid.")
        asked = {**request.query, **request.form()}
        if action == "SendSms":
            return answer(BizId=office.send(asked))
        if action == "QuerySendDetails":
            return answer(**_details(office, asked))
        raise Refused(404, "InvalidAction.NotFound", f"Specified api is not found: {action}.")


def answer(*, status: int = 200, code: str = "OK", message: str = "OK", **more: Any) -> Response:
    """What the vendor answers; refusals of the business kind come with status 200."""
    request_id = str(uuid.uuid4()).upper()
    return json_response(
        {"Code": code, "Message": message, "RequestId": request_id, **more}, status
    )


def _details(office: Office, asked: dict[str, str]) -> dict[str, Any]:
    """A page of one number's messages of one day in China, newest first."""
    if not asked.get("PhoneNumber") or len(asked.get("SendDate", "")) != 8:
        raise Refused(200, "isv.INVALID_PARAMETERS", "需要 PhoneNumber 和 SendDate（yyyyMMdd）")
    wanted = {"phone": asked["PhoneNumber"], "biz_id": asked.get("BizId", "")}
    found = [
        message
        for message in messages.find(office.messages, wanted)
        if moment(message["sent_at"])[:10].replace("-", "") == asked["SendDate"]
    ]
    size = min(max(_number(asked, "PageSize"), 1), LARGEST_PAGE)
    begin = (max(_number(asked, "CurrentPage"), 1) - 1) * size
    lines = [_line(message) for message in found[begin : begin + size]]
    return {"TotalCount": str(len(found)), "SmsSendDetailDTOs": {"SmsSendDetailDTO": lines}}


def _number(asked: dict[str, str], name: str) -> int:
    if not asked.get(name, "").isdigit():
        raise Refused(200, "isv.INVALID_PARAMETERS", f"{name} 应为数字")
    return int(asked[name])


def _line(message: messages.Message) -> dict[str, Any]:
    line = {
        "PhoneNum": message["phone"],
        "SendStatus": STATUS[message["status"]],
        "TemplateCode": message["template"],
        "Content": message["text"],
        "SendDate": moment(message["sent_at"]),
        "OutId": message["out_id"],
    }
    if message["reported_at"]:
        line |= {"ReceiveDate": moment(message["reported_at"]), "ErrCode": message["err_code"]}
    return line

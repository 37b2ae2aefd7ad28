"""The parts of the simulator that its endpoint, pages and controls share."""

from dataclasses import dataclass

from simulators.aliyun_sms import messages
from simulators.aliyun_sms.account import Account
from simulators.aliyun_sms.reports import Reports
from simulators.database import Database
from simulators.faults import Faults
from simulators.web import Refused


@dataclass(frozen=True)
class Office:
    account: Account
    messages: Database
    reports: Reports
    faults: Faults

    def send(self, asked: dict[str, str]) -> str:
        """Accept one SendSms request; its BizId. Raises Refused (200, isv.…)."""
        if self.faults.take("throttle_next"):
            why = "触发小时级流控Permits:5"
            raise Refused(200, "isv.BUSINESS_LIMIT_CONTROL", why)
        phones = messages.numbers(
            asked.get("PhoneNumbers", ""), illegal_prefix=self.faults["illegal_prefix"]
        )
        sign_name, template = asked.get("SignName", ""), asked.get("TemplateCode", "")
        params = asked.get("TemplateParam", "")
        biz_id = messages.accept(
            self.messages,
            phones,
            auto_report=self.reports.automatic,
            sign_name=sign_name,
            template=template,
            params=params,
            out_id=asked.get("OutId", ""),
            text=self.account.render(sign_name, template, params),
        )
        if self.reports.automatic:
            self.reports.send_later(messages.find(self.messages, {"biz_id": biz_id}))
        return biz_id

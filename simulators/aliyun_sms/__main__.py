"""python -m simulators.aliyun_sms: see simulators/README.md."""

import sys

from simulators import process
from simulators.aliyun_sms import api, control, pages
from simulators.aliyun_sms.account import load_or_make
from simulators.aliyun_sms.messages import open_messages
from simulators.aliyun_sms.office import Office
from simulators.aliyun_sms.reports import Reports
from simulators.faults import Faults
from simulators.layout import PagesApplication
from simulators.web import Refused, Request, Response


class AliyunSms(PagesApplication):
    brand = pages.BRAND
    failure = Refused(
        503, "ServiceUnavailable", "The request has failed due to a temporary failure."
    )

    def is_faulty(self, request: Request) -> bool:
        return request.method == "POST" and request.path == "/"

    def refuse(self, request: Request, refusal: Refused) -> Response:
        if self.is_faulty(request):
            return api.answer(status=refusal.status, code=refusal.code, message=refusal.message)
        return super().refuse(request, refusal)


def main() -> None:
    home = process.home("aliyun_sms")
    account = load_or_make(home)
    port = process.port("SIM_SMS_PORT", 9102)
    if "--env" in sys.argv[1:]:
        environment = account.environment(f"{process.host()}:{port}")
        process.write_account(home, "account", environment)
        print(process.env_lines(environment), end="")
        return
    faults = Faults(throttle_next=0, illegal_prefix="")
    office = Office(account, open_messages(home), Reports(), faults)
    application = AliyunSms("aliyun_sms", faults)
    for part in (api, control, pages):
        part.add_routes(application, office)
    server = process.listen(application, port)
    process.write_account(home, "account", account.environment(process.address(server)))
    process.serve(server)
    office.reports.stop()
    office.messages.close()


if __name__ == "__main__":
    main()

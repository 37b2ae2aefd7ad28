"""python -m simulators.alipay: see simulators/README.md."""

import sys
from functools import partial

from simulators import bills, merchants, payouts, process
from simulators.alipay import bill, control, gateway, pages
from simulators.alipay.callbacks import Callbacks
from simulators.alipay.desk import Desk
from simulators.alipay.keys import load_all
from simulators.alipay.ledger import open_ledger
from simulators.faults import Faults
from simulators.layout import PagesApplication
from simulators.web import Refused, Request, Response


class Alipay(PagesApplication):
    brand = pages.BRAND

    def is_faulty(self, request: Request) -> bool:
        return request.path == gateway.PATH

    def refuse(self, request: Request, refusal: Refused) -> Response:
        # Alipay's own codes (40004) are none of HTTP.
        status = refusal.status if refusal.status < 600 else 400
        return super().refuse(request, Refused(status, refusal.code, refusal.message))


def main() -> None:
    home = process.home("alipay")
    known = load_all(home)
    port = process.port("SIM_ALIPAY_PORT", 9104)
    if "--env" in sys.argv[1:]:
        address = f"http://{process.host()}:{port}"
        known.write(home, address)
        print(process.env_lines(known.first.account(address)), end="")
        return
    faults = Faults(
        callbacks="deliver",
        callback_delay=0.0,
        hold_refunds=False,
        busy_next=0,
        poor_next=0,
        **bills.SWITCHES,
        **payouts.SWITCHES,
    )
    ledger = open_ledger(home)
    merchants.add_column(ledger, known.first.number)
    desk = Desk(known, ledger, faults, Callbacks(ledger, known, faults))
    application = Alipay("alipay", faults)
    for part in (gateway, control, pages):
        part.add_routes(application, desk)
    banks = {
        keys.app_id: payouts.Bank(
            payer="支付宝（中国）网络技术有限公司",
            account="215500690",
            memo=f"支付宝结算款{keys.seller_id} ",
            prefix="ALIPAY",
            net=partial(bill.net, desk, keys),
        )
        for keys in known
    }
    payouts.add_routes(application, banks, ledger, faults, brand=pages.BRAND)
    server = process.listen(application, port)
    known.write(home, f"http://{process.address(server)}")
    desk.callbacks.start()
    process.serve(server)
    desk.callbacks.stop()
    ledger.close()


if __name__ == "__main__":
    main()

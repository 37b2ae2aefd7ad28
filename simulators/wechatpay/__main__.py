"""python -m simulators.wechatpay: see simulators/README.md."""

import sys
from functools import partial

from simulators import bills, merchants, payouts, process
from simulators.faults import Faults
from simulators.layout import PagesApplication
from simulators.web import Request
from simulators.wechatpay import api, bill, control, oauth, pages
from simulators.wechatpay.callbacks import Callbacks
from simulators.wechatpay.desk import Desk
from simulators.wechatpay.keys import load_all
from simulators.wechatpay.ledger import open_ledger


class WeChatPay(PagesApplication):
    brand = pages.BRAND

    def is_faulty(self, request: Request) -> bool:
        return request.path.startswith(("/v3/", "/sns/"))


def main() -> None:
    home = process.home("wechatpay")
    known = load_all(home)
    port = process.port("SIM_WECHATPAY_PORT", 9101)
    if "--env" in sys.argv[1:]:
        address = f"http://{process.host()}:{port}"
        known.write(home, address)
        print(process.env_lines(known.first.account(address)), end="")
        return
    faults = Faults(
        callbacks="deliver",
        callback_delay=0.0,
        hold_refunds=False,
        refuse_openid=False,
        openid="oSimulatorPayerOne0000000000",
        **bills.SWITCHES,
        **payouts.SWITCHES,
    )
    ledger = open_ledger(home)
    merchants.add_column(ledger, known.first.number)
    desk = Desk(known, ledger, faults, Callbacks(ledger, known, faults))
    application = WeChatPay("wechatpay", faults)
    for part in (api, control, oauth, pages):
        part.add_routes(application, desk)
    banks = {
        keys.mchid: payouts.Bank(
            payer="财付通支付科技有限公司",
            account="243300133",
            memo=f"微信支付结算款{keys.mchid} ",
            prefix="TENPAY",
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

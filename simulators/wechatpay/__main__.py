"""python -m simulators.wechatpay: see simulators/README.md."""

import sys
from functools import partial

from simulators import bills, payouts, process
from simulators.faults import Faults
from simulators.layout import PagesApplication
from simulators.web import Request
from simulators.wechatpay import api, bill, control, oauth, pages
from simulators.wechatpay.callbacks import Callbacks
from simulators.wechatpay.desk import Desk
from simulators.wechatpay.keys import load_or_make
from simulators.wechatpay.ledger import open_ledger


class WeChatPay(PagesApplication):
    brand = pages.BRAND

    def is_faulty(self, request: Request) -> bool:
        return request.path.startswith(("/v3/", "/sns/"))


def main() -> None:
    home = process.home("wechatpay")
    keys = load_or_make(home)
    port = process.port("SIM_WECHATPAY_PORT", 9101)
    if "--env" in sys.argv[1:]:
        account = keys.account(f"http://{process.host()}:{port}")
        process.write_account(home, "merchant", account)
        print(process.env_lines(account), end="")
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
    desk = Desk(keys, ledger, faults, Callbacks(ledger, keys, faults))
    application = WeChatPay("wechatpay", faults)
    for part in (api, control, oauth, pages):
        part.add_routes(application, desk)
    bank = payouts.Bank(
        payer="财付通支付科技有限公司",
        account="243300133",
        memo=f"微信支付结算款{keys.mchid} ",
        prefix="TENPAY",
        net=partial(bill.net, desk),
    )
    payouts.add_routes(application, bank, ledger, faults, brand=pages.BRAND)
    server = process.listen(application, port)
    process.write_account(home, "merchant", keys.account(f"http://{process.address(server)}"))
    desk.callbacks.start()
    process.serve(server)
    desk.callbacks.stop()
    ledger.close()


if __name__ == "__main__":
    main()

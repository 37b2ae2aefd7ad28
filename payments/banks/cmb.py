import re

from django.utils.translation import gettext_lazy as _

from payments.banks.base import BankProfile, Cells, Entry

_ACCOUNT = re.compile(r"[0-9*]{8,40}$")


class CMB(BankProfile):
    """招商银行: a preamble, one signed amount, name and account of the other side in one cell."""

    key, label = "cmb", _("China Merchants Bank")
    headers = frozenset({"记账日期", "交易金额", "交易摘要", "对手信息", "客户摘要", "流水号"})

    def entry(self, cells: Cells) -> Entry:
        day, time = cells.moment("记账日期")
        other = cells.text("对手信息")
        account = _ACCOUNT.search(other)
        return Entry(
            row=cells.row,
            booked_on=day,
            booked_time=time,
            amount=cells.yuan("交易金额"),
            serial=cells.text("流水号"),
            name=other[: account.start()].strip() if account else other,
            account=account[0] if account else "",
            summary=cells.text("交易摘要"),
            memo=cells.text("客户摘要"),
            balance=cells.yuan("联机余额") if cells.text("联机余额") else None,
        )

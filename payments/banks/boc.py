from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from payments.banks.base import BankProfile, Cells, Entry

SIGNS = {"来账": 1, "往账": -1}


class BOC(BankProfile):
    """中国银行: a workbook, a preamble, headers in two languages; the kind gives the sign."""

    key, label = "boc", _("Bank of China")
    headers = frozenset(
        {
            "交易类型",
            "付款人名称",
            "付款人账号",
            "交易金额",
            "交易日期",
            "交易时间",
            "用途",
            "交易附言",
            "交易流水号",
        }
    )

    def entry(self, cells: Cells) -> Entry:
        day, time = cells.moment("交易日期", "交易时间")
        kind = cells.text("交易类型")
        if kind not in SIGNS:
            cells.refuse(
                "交易类型", _now("is not one of %(options)s") % {"options": "、".join(SIGNS)}
            )
        return Entry(
            row=cells.row,
            booked_on=day,
            booked_time=time,
            amount=SIGNS.get(kind, 1) * cells.yuan("交易金额"),
            serial=cells.text("交易流水号"),
            name=cells.text("付款人名称"),
            account=cells.text("付款人账号"),
            summary=kind,
            memo=cells.text("用途", "交易附言"),
        )

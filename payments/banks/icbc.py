from django.utils.translation import gettext_lazy as _

from payments.banks.base import BankProfile, Cells, Entry


class ICBC(BankProfile):
    """中国工商银行: a workbook, two columns of amounts; the memo is spread over three columns."""

    key, label = "icbc", _("Industrial and Commercial Bank of China")
    headers = frozenset(
        {
            "对方单位名称",
            "对方账号",
            "贷方发生额",
            "借方发生额",
            "交易时间",
            "摘要",
            "用途",
            "交易流水号",
        }
    )

    def entry(self, cells: Cells) -> Entry:
        day, time = cells.moment("交易时间")
        return Entry(
            row=cells.row,
            booked_on=day,
            booked_time=time,
            amount=cells.yuan("贷方发生额") - cells.yuan("借方发生额"),
            serial=cells.text("交易流水号"),
            name=cells.text("对方单位名称"),
            account=cells.text("对方账号"),
            summary=cells.text("摘要"),
            memo=cells.text("用途", "个性化信息"),
        )

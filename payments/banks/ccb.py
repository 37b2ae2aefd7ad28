from django.utils.translation import gettext_lazy as _

from payments.banks.base import BankProfile, Cells, Entry


class CCB(BankProfile):
    """中国建设银行: GB18030, a column for money in and one for money out."""

    key, label = "ccb", _("China Construction Bank")
    headers = frozenset(
        {
            "交易时间",
            "借方发生额（支取）",
            "贷方发生额（收入）",
            "对方户名",
            "对方账号",
            "摘要",
            "备注",
            "账户明细编号-交易流水号",
        }
    )

    def entry(self, cells: Cells) -> Entry:
        day, time = cells.moment("交易时间")
        return Entry(
            row=cells.row,
            booked_on=day,
            booked_time=time,
            amount=cells.yuan("贷方发生额（收入）") - cells.yuan("借方发生额（支取）"),
            serial=cells.text("账户明细编号-交易流水号"),
            name=cells.text("对方户名"),
            account=cells.text("对方账号"),
            summary=cells.text("摘要"),
            memo=cells.text("备注"),
            balance=cells.yuan("余额") if cells.text("余额") else None,
        )

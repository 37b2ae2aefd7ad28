"""What WeChat Pay owed for each day and paid out: compared, found at the bank, mostly settled."""

import csv
import datetime
import hashlib
import io
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from django.conf import settings
from django.utils.timezone import make_aware

from community.models import Community, User, today
from core.money import ZERO, plain_yuan
from payments.models import Payment, Reconciliation, ReconciliationLine
from payments.reconciliation.comparison import fee_of
from payments.reconciliation.settlement import Month, next_month
from payments.services.channels.bank_statements import import_statement
from payments.services.channels.settling import match_payouts, sign_off_month

DAY = datetime.timedelta(days=1)
MORNING = datetime.time(10, 30)
HEADER = (
    *("账号", "账户名称", "交易时间", "借方发生额（支取）", "贷方发生额（收入）", "余额", "币种"),
    *("对方户名", "对方账号", "对方开户机构", "记账日期", "摘要", "备注"),
    "账户明细编号-交易流水号",
)
TENPAY = "财付通支付科技有限公司"
ALIPAY = "支付宝（中国）网络技术有限公司"
OVERCHARGED = Decimal("0.10")
SHORT = Decimal("1.00")

Days = dict[datetime.date, list[Decimal]]


class Channels:
    """Two months and this one. In the last month a fee is too high and a payout is short."""

    def __init__(self, community: Community, *, accountant: User) -> None:
        self.community, self.accountant = community, accountant
        self.this_month = today().replace(day=1)
        self.last_month = next_month(self.this_month, back=True)
        self.first = next_month(self.last_month, back=True)

    def settle(self) -> None:
        paid = self._paid()
        odd = [day for day in paid if self.last_month <= day < self.this_month]
        for day, amounts in paid.items():
            self._compared(day, amounts, overcharged=odd[1:2] == [day])
        import_statement(
            source=self._statement(short=odd[2:3]),
            community=self.community,
            name="建设银行明细.csv",
            by=self.accountant,
        )
        match_payouts(self.community)
        if not Month(self.community, self.first).obstacles():
            sign_off_month(self.first, community=self.community, by=self.accountant)

    def _paid(self) -> Days:
        """By day: what was paid with WeChat, each payment."""
        found: Days = defaultdict(list)
        payments = Payment.objects.filter(
            community=self.community,
            method=Payment.Method.WECHAT,
            value_date__gte=self.first,
            value_date__lt=today(),
        ).order_by("value_date", "pk")
        for day, amount in payments.values_list("value_date", "amount"):
            found[day].append(amount)
        return dict(found)

    def _compared(self, day: datetime.date, amounts: list[Decimal], *, overcharged: bool) -> None:
        """As the morning after it was: the older days are signed off, yesterday's waits."""
        rate = settings.PAYMENT_FEE_RATES["wechatpay"]
        fees = sum((fee_of(amount, rate, refund=False) for amount in amounts), ZERO)
        more = OVERCHARGED if overcharged else ZERO
        morning = make_aware(datetime.datetime.combine(day + DAY, MORNING))
        signed = {"state": "closed", "closed_by": self.accountant, "closed_at": morning}
        row = Reconciliation(
            community=self.community,
            provider="wechatpay",
            day=day,
            digest=hashlib.sha256(f"{day} {amounts}".encode()).hexdigest(),
            their_lines=len(amounts),
            our_lines=len(amounts),
            their_paid=sum(amounts, ZERO),
            our_paid=sum(amounts, ZERO),
            fees=fees + more,
            fees_due=fees,
            compared_at=morning,
        )
        row.save()
        if overcharged:
            self._explained(row, fee_of(amounts[0], rate, refund=False), morning)
        if day < today() - DAY:
            for name, value in signed.items():
                setattr(row, name, value)
            row.save()

    def _explained(
        self, row: Reconciliation, fee: Decimal, morning: datetime.datetime
    ) -> ReconciliationLine:
        return ReconciliationLine.objects.create(
            reconciliation=row,
            kind=ReconciliationLine.Kind.FEE,
            flow=ReconciliationLine.Flow.PAYMENT,
            out_trade_no=f"D{row.day:%Y%m%d}000001",
            theirs=fee + OVERCHARGED,
            ours=fee,
            state=ReconciliationLine.State.SETTLED,
            way=ReconciliationLine.Way.EXPLAINED,
            words="已电话渠道客服，下月账单退回",
            settled_by=self.accountant,
            settled_at=morning,
        )

    # --- the bank ---------------------------------------------------------------------------

    def _statement(self, *, short: list[datetime.date]) -> bytes:
        """What the bank exports: weekends come on Monday, and interest and a fee are there too."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow(HEADER)
        balance = Decimal("280000.00")
        lines = sorted([*self._payouts(short), *self._others()], key=lambda line: line[0])
        for number, (day, amount, name, memo) in enumerate(lines, start=1):
            balance += amount
            sides = [plain_yuan(max(side, ZERO)) for side in (-amount, amount)]
            writer.writerow(
                [
                    *("3305****1234", self.community.company, f"{day:%Y%m%d} 08:30:00", *sides),
                    *(plain_yuan(balance), "人民币元", name, "", "", f"{day:%Y%m%d}", "转账"),
                    *(memo, f"CCBDEMO{day:%Y%m%d}{number:05d}"),
                ]
            )
        return out.getvalue().encode("gb18030")

    def _payouts(
        self, short: list[datetime.date]
    ) -> Iterator[tuple[datetime.date, Decimal, str, str]]:
        owed: dict[datetime.date, Decimal] = defaultdict(lambda: ZERO)
        for row in Reconciliation.objects.filter(community=self.community):
            booked = row.day + DAY
            while booked.weekday() > 4:
                booked += DAY
            owed[booked] += row.settlement - (SHORT if row.day in short else ZERO)
        for booked, amount in owed.items():
            if booked < today() and amount > 0:
                yield booked, amount, TENPAY, "微信支付结算款"

    def _others(self) -> Iterator[tuple[datetime.date, Decimal, str, str]]:
        """A fee, interest, and a payer's transfer through Alipay, which looks like a payout."""
        middle = self.last_month + 19 * DAY
        yield middle, Decimal("-35.00"), "", "账户管理费"
        yield middle + DAY, Decimal("41.16"), "", "结息"
        yield middle + 2 * DAY, Decimal("1200.00"), ALIPAY, "物业费"

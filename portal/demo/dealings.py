"""What the office dealt with for single payers: adjustments, vacancies, deposits, moving out."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from billing.models import Account, Adjustment, Bill, Charge
from billing.services.accounts import adjustment_requests, adjustments
from billing.services.accounts.late_fees import accrued
from billing.services.accounts.opening_balances import import_opening_balances
from billing.services.lookups import add_fee_items
from community.models import Community, Occupancy, Role, StoredFile, Unit, User, today
from community.services import vacancy_requests
from community.services.moving import Successor
from notices.models import Campaign
from notices.services.campaign import address_chunk
from payments.models import Clearance, Deposit, Payment, Refund
from payments.services.giving_back import moving_out, refunds
from payments.services.receiving.counter import collect, open_bills
from payments.services.receiving.deposits import receive_deposit
from payments.services.receiving.prepaying import take_prepayment, top_up
from portal.demo.calendar import Quarter
from portal.demo.files import LI, WANG, WATER, table
from portal.demo.picture import picture
from portal.demo.standards import read_on_leaving

DAY = datetime.timedelta(days=1)
SUCCESSOR = Successor("沈雨晴", "19900000018")
CARD = "门禁卡工本费"


class Dealings:
    """The clerk asks and takes, the manager decides; nobody is dealt with twice."""

    def __init__(
        self,
        community: Community,
        *,
        staff: dict[Role, User],
        residents: dict[str, User],
        quarters: list[Quarter],
        seed: int,
    ) -> None:
        self.community = community
        self.residents = residents
        self.clerk, self.manager = staff[Role.CLERK], staff[Role.MANAGER]
        self.quarters = quarters
        self.random = Random(seed)
        # Whoever owns one home and nothing else, and is not one of those who sign in.
        own = Account.objects.filter(community=community)
        paying = Occupancy.objects.current().payers()
        self.others: list[Any] = list(
            own.filter(
                Exists(paying.filter(unit=OuterRef("unit"), party=OuterRef("party"))),
                unit__kind=Unit.Kind.DWELLING,
            )
            .exclude(party__phone__in=(WANG.phone, LI.phone))
            .exclude(party__in=own.exclude(unit__kind=Unit.Kind.DWELLING).values("party"))
            .with_balance()
            .select_related("party", "unit__building", "unit__community", "community")
            .order_by("unit__sort_key")
        )

    def deal(self) -> None:
        self._he_pays_for_his_parking(self._of(WANG.phone, Unit.Kind.PARKING))
        self._a_waiver_on_his_water(self._of(WANG.phone, Unit.Kind.DWELLING))
        self._she_asks_to_waive_the_late_fee(self._of(LI.phone, Unit.Kind.DWELLING))
        self._rejected()
        self._extra_charge()
        self._vacancies()
        self._deposits()
        self._credit_back()
        self._brought_along()
        self.clearance = self._moves_out()

    def finish(self) -> None:
        """The note of the clearance names receipts: not before they have their numbers."""
        moving_out.clear(self.clearance.pk, by=self.clerk)

    def token(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))

    def _of(self, phone: str, kind: Unit.Kind) -> Account:
        return Account.objects.get(community=self.community, party__phone=phone, unit__kind=kind)

    def _somebody(self, wanted: Callable[[Any], bool]) -> Account:
        """The next of the others who fits, in a very small demo simply the next."""
        found = next((one for one in self.others if wanted(one)), self.others[0])
        self.others.remove(found)
        return found

    def _pays(self, account: Account) -> None:
        """All that is open, by card at the desk."""
        bills = list(Bill.objects.filter(account=account).values_list("pk", flat=True))
        amount = sum(bill.amount for bill in open_bills(bills, community=self.community))
        if amount:
            collect(
                community=self.community,
                account=account,
                bill_ids=bills,
                amount=Decimal(amount),
                method=Payment.Method.CARD,
                token=self.token(),
                clerk=self.clerk,
            )

    def _prepays(self, account: Account, *, months: int) -> None:
        take_prepayment(
            account=account,
            months=months,
            amount=top_up(account, months).to_pay,
            method=Payment.Method.CARD,
            token=self.token(),
            clerk=self.clerk,
        )

    def _he_pays_for_his_parking(self, account: Account) -> None:
        self._pays(account)
        self._prepays(account, months=6)

    # --- adjustments ------------------------------------------------------------------------

    def _asked(self) -> dict[str, Any]:
        paper = "原件存客服档案 2026 年第 14 号"
        return {"by": self.clerk, "form_token": self.token(), "evidence_note": paper}

    def _ask(
        self, charge: Charge, amount: Decimal, reason: str, kind: Adjustment.Kind
    ) -> Adjustment:
        return adjustment_requests.request_adjustment(
            kind=kind,
            charge=charge,
            amount=amount,
            reason=reason,
            **self._asked(),
        )

    def _line(self, account: Account, item: str) -> Charge:
        """The account's newest line of a fee item."""
        return Charge.objects.filter(account=account, fee_item__name=item).latest("ends_on", "pk")

    def _a_waiver_on_his_water(self, account: Account) -> None:
        line = self._line(account, WATER)
        waived = self._ask(
            line,
            min(line.amount, Decimal("38.64")),
            "上期抄表时把两户读数记反，多计 8 m³，按投诉处理结果减免。",
            Adjustment.Kind.WAIVER,
        )
        adjustments.approve(adjustment=waived, by=self.manager, words="情况属实，同意减免。")

    def _she_asks_to_waive_the_late_fee(self, account: Account) -> None:
        bills = Bill.objects.filter(account=account).values_list("pk", flat=True)
        for bill_id, amount in sorted(accrued(bill_ids=list(bills), on=today()).items())[:1]:
            adjustment_requests.request_late_fee_waiver(
                bill=Bill.objects.get(pk=bill_id),
                amount=amount,
                reason="李阿姨住院两个月，家属来电申请免除违约金，已见出院小结。",
                **self._asked(),
            )

    def _rejected(self) -> None:
        account = self._somebody(lambda one: one.owed > 0)
        line = self._line(account, "物业服务费")
        asked = self._ask(
            line, Decimal("200.00"), "业主称去年装修期间噪音扰民。", Adjustment.Kind.DISCOUNT
        )
        words = "与本期服务费无关，且没有依据，请改走投诉流程。"
        adjustments.reject(adjustment=asked, by=self.manager, words=words)

    def _extra_charge(self) -> None:
        extra = adjustment_requests.request_extra_charge(
            account=self._somebody(lambda one: one.owed > 0),
            fee_item=add_fee_items(self.community, [CARD])[CARD],
            amount=Decimal("40.00"),
            due_on=today() + 30 * DAY,
            reason="补办门禁卡两张，每张 20 元。",
            **self._asked(),
        )
        adjustments.approve(adjustment=extra, by=self.manager)

    # --- vacancies --------------------------------------------------------------------------

    def _vacancies(self) -> None:
        begins = self.quarters[-1].ends_on + DAY
        granted = self._vacancy(
            self._somebody(lambda one: True).unit, begins, self.clerk, "外派工作，房屋空置半年。"
        )
        vacancy_requests.approve(request=granted, by=self.manager, words="已上门核实，断水断电。")
        home = Unit.objects.of_resident(self.residents[LI.phone]).get(kind=Unit.Kind.DWELLING)
        reason = "搬去女儿家住，房子空着，水电照片见附件。"
        self._vacancy(home, today() + 7 * DAY, self.residents[LI.phone], reason)

    def _vacancy(self, unit: Unit, begins: datetime.date, by: User, reason: str) -> Any:
        return vacancy_requests.request_vacancy(
            unit=unit,
            starts_on=begins,
            ends_on=begins + 182 * DAY,
            reason=reason,
            evidence=StoredFile.keep(
                community=self.community,
                name="水表照片.png",
                content_type="image/png",
                content=picture(),
                by=by,
            ),
            by=by,
            form_token=self.token(),
        )

    # --- deposits and money that goes back ---------------------------------------------------

    def _deposits(self) -> None:
        self._deposit(self._somebody(lambda one: not one.owed))
        deposit = self._deposit(self._somebody(lambda one: not one.owed))
        self._goes_back(deposit.account, deposit.amount, "装修验收合格，退还押金。", deposit)

    def _deposit(self, account: Account) -> Deposit:
        return receive_deposit(
            account=account,
            purpose="装修押金",
            amount=Decimal("2000.00"),
            method=Payment.Method.CARD,
            token=self.token(),
            clerk=self.clerk,
        )

    def _goes_back(
        self, account: Account, amount: Decimal, reason: str, deposit: Deposit | None = None
    ) -> None:
        asked = refunds.request_refund(
            account=account,
            deposit=deposit,
            amount=amount,
            reason=reason,
            method=Refund.Method.CASH,
            by=self.clerk,
            token=self.token(),
        )
        refunds.approve(asked.pk, by=self.manager, words="同意。")
        refunds.pay_in_cash(asked.pk, by=self.clerk)

    def _credit_back(self) -> None:
        """Who has paid most ahead asks for some of it."""
        account = max(self.others, key=lambda one: one.credit)
        self.others.remove(account)
        refunds.request_refund(
            account=account,
            amount=min(refunds.refundable(account.pk), Decimal("500.00")),
            reason="预存过多，申请退回一部分。",
            method=Refund.Method.TRANSFER,
            by=self.clerk,
            token=self.token(),
            payee_bank="中国工商银行杭州分行",
            payee_account="6222 0000 0000 0018",
        )

    def _brought_along(self) -> None:
        """What the company before left: arrears of one home, a prepayment of another."""
        owing = self._somebody(lambda one: one.owed > 0)
        ahead = self._somebody(lambda one: not one.owed)
        eve = self.quarters[0].starts_on - DAY
        half = datetime.date(eve.year, 1 if eve.month < 7 else 7, 1)
        header = ("楼栋", "单元", "房号", "付款人", "手机号", "费目", "起", "止", "到期日", "金额")
        rows = [
            (*_place(owing), *_payer(owing), "物业服务费", half, eve, eve, "636.50"),
            (*_place(ahead), *_payer(ahead), "", "", "", "", "-500.00"),
        ]
        import_opening_balances(source=table(header, rows), community=self.community)

    # --- moving out -------------------------------------------------------------------------

    def _moves_out(self) -> Clearance:
        """A home is sold: the final bill is paid, what is over goes back, nothing is left."""
        account = self._somebody(lambda one: not one.owed and not one.credit)
        read_on_leaving(account.unit, by=self.clerk)
        clearance = moving_out.begin(
            account=account, day=today() - DAY, by=self.clerk, successor=SUCCESSOR
        )
        for campaign in Campaign.objects.filter(run__in=clearance.runs):
            address_chunk(campaign_id=campaign.pk)
        self._pays(account)
        if over := refunds.refundable(account.pk):
            self._goes_back(account, over, "房屋出售，退还预存余额。")
        return clearance


def _place(account: Account) -> tuple[str, str, str]:
    unit = account.unit
    return unit.building.code, unit.entrance, unit.room


def _payer(account: Account) -> tuple[str, str]:
    return account.party.name, account.party.phone

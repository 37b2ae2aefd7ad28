"""What the office laid down: late fees, offers, fee standards in public, periods, meters."""

import datetime
from decimal import Decimal
from random import Random
from typing import NamedTuple
from uuid import UUID

from django.db.models import Max

from billing.models import (
    BillingSettings,
    EarlyPaymentOffer,
    FeeItem,
    Meter,
    ProposalComment,
    Tariff,
    TariffProposal,
)
from billing.services.accounts import offers
from billing.services.accounts.late_fee_policies import new_policy
from billing.services.meters.meter_entries import Entry, record_readings
from billing.services.meters.meter_events import Replacement, estimate_readings, replace_meter
from billing.services.meters.metering import histories
from billing.services.runs.bill_run import preview_run
from billing.services.runs.periods import plan_community
from billing.services.standards import proposals
from billing.services.standards.tariff_terms import Terms
from billing.services.standards.tariff_versions import describe_version
from community.models import Community, Role, Unit, User, today
from portal.demo.calendar import Quarter, first_of_next
from portal.demo.files import LI, WANG, WATER
from portal.demo.past import as_if_commented

Months = tuple[datetime.date, datetime.date]

DAY = datetime.timedelta(days=1)
COMMENTS = 16 * DAY
SERVICE_FEE, STORAGE_FEE = "物业服务费", "储藏室管理费"
GUIDED, MARKET = Tariff.PricingForm.GOVERNMENT_GUIDED, Tariff.PricingForm.MARKET
CONTRACT = "《云栖苑物业服务合同》"


class Disclosed(NamedTuple):
    """What 明码标价 asks to publish with a fee standard."""

    service_standard: str
    legal_basis: str
    pricing_form: Tariff.PricingForm


DISCLOSED = {
    SERVICE_FEE: Disclosed(
        "二级物业服务：公共区域每日清扫，绿化养护，24 小时门岗与巡逻，共用设施日常维护。",
        "《杭州市物业服务收费管理办法》；前期物业服务合同第八条",
        GUIDED,
    ),
    "电梯运行费": Disclosed(
        "电梯维护保养、年检和运行电费；困人 30 分钟内到场。", f"{CONTRACT}第十条", GUIDED
    ),
    "生活垃圾清运费": Disclosed("生活垃圾分类投放、每日清运。", f"{CONTRACT}第十一条", GUIDED),
    "车位管理费": Disclosed("车库照明、保洁、巡查和道闸维护。", f"{CONTRACT}第十二条", MARKET),
    STORAGE_FEE: Disclosed("储藏室通道照明、保洁和消防检查。", f"{CONTRACT}第十三条", MARKET),
    "公共照明分摊": Disclosed("按实际电费账单分摊，账单每季度公示。", f"{CONTRACT}附件三", GUIDED),
    WATER: Disclosed("代收代缴，按水务公司阶梯水价。", "杭州市居民生活用水阶梯价格", GUIDED),
}


def late_fee_policy(community: Community, quarters: list[Quarter]) -> None:
    """In force for the last two quarters: what was due before never bears a fee."""
    new_policy(
        community=community,
        starts_on=quarters[-2].due_on,
        daily_rate=Decimal("0.0005"),
        grace_days=10,
        cap=Decimal(1),
        legal_basis=f"{CONTRACT}第二十三条；《民法典》第五百八十五条",
    )


def read_on_leaving(unit: Unit, *, by: User) -> None:
    """What the water meter of a home shows today: as much more as it always does."""
    meter = Meter.objects.get(unit=unit, fee_item__name=WATER)
    shown = histories([meter.pk])[meter.pk].expected_on(today())
    if shown is not None:
        record_readings(
            community=unit.community,
            item=meter.fee_item,
            read_on=today(),
            entries=[Entry(unit, shown)],
            by=by,
            note="搬离抄表",
        )


class Standards:
    """The manager and the clerk lay down what holds from now on."""

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
        self.staff, self.residents = staff, residents
        self.manager, self.clerk = staff[Role.MANAGER], staff[Role.CLERK]
        self.newest = quarters[-1]
        self.random = Random(seed)
        # The first quarter that comes after a fortnight and a day for comments.
        self.next_quarter = first_of_next(self.newest.starts_on)
        while self.next_quarter <= today() + COMMENTS:
            self.next_quarter = first_of_next(self.next_quarter)

    def lay_down(self) -> None:
        self._disclose()
        BillingSettings.objects.create(
            community=self.community, cycle=BillingSettings.Cycle.QUARTERLY
        )
        plan_community(community=self.community)
        self._preview_of_next()
        self._offer_in_force()
        self._offer_waiting()
        self._adopted_proposal()
        self._open_proposal()
        self._meters()

    def _preview_of_next(self) -> None:
        """The quarter that runs: who has no reading yet is what the preview lists."""
        starts_on = first_of_next(self.newest.starts_on)
        preview_run(
            community=self.community,
            starts_on=starts_on,
            ends_on=first_of_next(starts_on) - DAY,
            due_on=first_of_next(starts_on) + 30 * DAY,
        )

    def token(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))

    def _disclose(self) -> None:
        for tariff in Tariff.objects.filter(fee_item__community=self.community).select_related(
            "fee_item"
        ):
            describe_version(tariff=tariff, **DISCLOSED[tariff.fee_item.name]._asdict())

    def _offer(
        self,
        name: str,
        months: Months,
        pay_by: datetime.date,
        percent: str,
    ) -> EarlyPaymentOffer:
        return offers.make_offer(
            community=self.community,
            name=name,
            fee_items=[FeeItem.objects.get(community=self.community, name=SERVICE_FEE)],
            starts_on=months[0],
            ends_on=months[1],
            pay_by=pay_by,
            percent=Decimal(percent),
            by=self.staff[Role.ACCOUNTANT],
            form_token=self.token(),
        )

    def _offer_in_force(self) -> None:
        months = self.newest.starts_on, self.newest.ends_on
        offer = self._offer("本期按时缴清优惠", months, self.newest.due_on, "2")
        offers.approve(offer=offer, by=self.manager)

    def _offer_waiting(self) -> None:
        year = today().year + 1
        months = datetime.date(year, 1, 1), datetime.date(year, 12, 31)
        self._offer(f"{year} 年全年预缴优惠", months, datetime.date(year, 3, 31), "5")

    def _draft(self, title: str, why: str, terms: Terms) -> TariffProposal:
        return proposals.save_draft(
            community=self.community,
            terms=terms,
            title=title,
            explanation=why,
            by=self.manager,
            form_token=self.token(),
        )

    def _adopted_proposal(self) -> None:
        """Published in time; from the next quarter on it holds."""
        terms = Terms(
            item=STORAGE_FEE,
            unit_kind=Unit.Kind.STORAGE,
            method=Tariff.Method.HOUSEHOLD,
            price=Decimal("25"),
            starts_on=self.next_quarter,
            **DISCLOSED[STORAGE_FEE]._asdict(),
        )
        why = "储藏室区域新增烟感报警和监控，维护成本每户每月约增加 5 元。"
        proposal = as_if_commented(self._draft("储藏室管理费调整为 25 元/月", why, terms))
        reasons = "公示期内未收到反对意见，经业主委员会同意，自下季度起执行。"
        proposals.adopt(proposal=proposal, by=self.manager, reasons=reasons)

    def _open_proposal(self) -> None:
        terms = Terms(
            item=SERVICE_FEE,
            unit_kind=Unit.Kind.DWELLING,
            method=Tariff.Method.AREA,
            price=Decimal("2.50"),
            vacancy_factor=Decimal("0.7"),
            starts_on=first_of_next(self.next_quarter),
            **DISCLOSED[SERVICE_FEE]._asdict(),
        )
        why = "近两年保洁、秩序维护人工成本上涨约 9%，拟将住宅物业服务费由 2.35 元调整为 2.50 元。"
        proposal = self._draft("住宅物业服务费调整公示", why, terms)
        proposal = proposals.publish(proposal=proposal)
        asked = self._comment(proposal, WANG.phone, "涨价后电梯和保洁的标准会提高吗？")
        self._comment(proposal, LI.phone, "我们退休老人收入固定，希望能缓一缓或者少涨一点。")
        answer = "您好，单元门厅保洁由每日一次增加到两次，电梯维保由每月两次增加到三次。"
        proposals.answer(comment=asked, by=self.manager, text=answer)

    def _comment(self, proposal: TariffProposal, phone: str, text: str) -> ProposalComment:
        who = self.residents[phone]
        return proposals.comment(
            proposal=proposal,
            by=who,
            unit=Unit.objects.of_resident(who).filter(kind=Unit.Kind.DWELLING).get(),
            text=text,
            form_token=self.token(),
        )

    def _meters(self) -> None:
        """After the last bills: a new device, an estimate, and one that began again at 0."""
        item = FeeItem.objects.get(community=self.community, name=WATER)
        day = min(self.newest.ends_on + 20 * DAY, today())
        others = (
            Meter.objects.filter(fee_item=item)
            .exclude(unit__occupancies__party__phone__in=(WANG.phone, LI.phone))
            .annotate(shown=Max("readings__value"))
            .select_related("unit__community")
            .order_by("unit__sort_key")
        )
        # Three digits before the point: whoever is nearest to 1000 begins again next.
        near = others.filter(shown__lt=1000).order_by("-shown", "pk")[0]
        record_readings(
            community=self.community,
            item=item,
            read_on=day,
            entries=[Entry(near.unit, Decimal("6.400"), sure=True, rolled_over=True)],
            by=self.clerk,
            note="水表走满一圈",
        )
        broken, unread = others.exclude(pk=near.pk)[:2]
        last = histories([broken.pk])[broken.pk].expected_on(day)
        replace_meter(
            meter=broken,
            told=Replacement(
                replaced_on=day,
                old_value=last or broken.shown,
                new_value=Decimal(0),
                old_serial="LXS-15E-018442",
                new_serial="LXS-15E-206731",
                digits=5,
                reason="表盘进水，读数看不清，更换新表",
            ),
            by=self.clerk,
            sure=True,
        )
        estimate_readings(
            community=self.community, item=item, units=[unread.unit], read_on=day, by=self.clerk
        )

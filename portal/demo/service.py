"""Tickets of every kind, in every state, with clocks that have time, run out, and ran out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.utils import timezone

from billing.models import Bill
from community.models import Community, Role, Unit, User
from portal.demo.files import LI, WANG
from servicedesk.models import Ticket, TicketKind
from servicedesk.services import clocks, messages, tickets


@dataclass(frozen=True)
class Told:
    """What somebody told the service desk, so many hours ago."""

    kind: TicketKind
    subject: str
    body: str
    hours: float
    by: str = ""  # a resident's phone; else the unit's owner, at the desk
    about_bill: bool = False


FRESH = (
    Told(
        *(TicketKind.INQUIRY, "公共照明分摊怎么算的", "请问本季度公共照明分摊是按什么分的？谢谢。"),
        hours=2,
        by=WANG.phone,
        about_bill=True,
    ),
    Told(
        *(TicketKind.COMPLAINT, "电梯又停了半天", "3栋2单元电梯上午停运，老人下不了楼。"),
        hours=21.5,
    ),
    Told(
        *(TicketKind.COMPLAINT, "账单多收了水费", "上季度家里没人住，水费却比平时还高。"),
        hours=27,
        by=LI.phone,
        about_bill=True,
    ),
    Told(TicketKind.REPAIR, "地下车库灯不亮", "B1 层 A 区靠近电梯口的三盏灯都不亮。", hours=5),
    Told(
        TicketKind.SUGGESTION, "希望增加充电桩", "电动车越来越多，希望在南门增加充电桩。", hours=9
    ),
)
Story = Callable[["Desk", Ticket, datetime], None]


class Desk:
    """The people of the service desk at work in one community."""

    def __init__(
        self,
        community: Community,
        *,
        staff: dict[Role, User],
        residents: dict[str, User],
        seed: int,
    ) -> None:
        self.community = community
        self.clerk, self.manager = staff[Role.CLERK], staff[Role.MANAGER]
        self.residents = residents
        self.random = Random(seed)
        self.now = timezone.now()
        self.units = list(Unit.objects.filter(community=community, kind="dwelling")[:200])

    def open_all(self) -> None:
        """Every story; at the end the clocks that ran out are marked as the beat would."""
        for told in FRESH:
            self.file(told)
        for told, story in STORIES:
            ticket = self.file(told)
            story(self, ticket, ticket.created_at)
        clocks.mark_breaches()

    def file(self, told: Told) -> Ticket:
        reporter = self.residents.get(told.by)
        unit, bill = self.random.choice(self.units), None
        if reporter:
            unit = Unit.objects.of_resident(reporter).filter(kind="dwelling").get()
            if told.about_bill:
                bill = Bill.objects.filter(account__unit=unit).latest("pk")
        owner = unit.occupancies.current().select_related("party").first()
        return tickets.open_ticket(
            community=self.community,
            kind=told.kind,
            subject=told.subject,
            body=told.body,
            form_token=self.token(),
            reporter=reporter,
            unit=None if bill else unit,
            bill=bill,
            contact_name=owner.party.name if owner and not reporter else "",
            contact_phone=owner.party.phone if owner and not reporter else "",
            now=self.now - timedelta(hours=told.hours),
        )

    def token(self) -> UUID:
        return UUID(int=self.random.getrandbits(128))

    def answer(self, ticket: Ticket, text: str, at: datetime) -> None:
        messages.reply(ticket=ticket, author=self.clerk, body=text, form_token=self.token(), now=at)


def _being_looked_into(desk: Desk, ticket: Ticket, began: datetime) -> None:
    desk.answer(ticket, "您好，已经收到，工程部今天下午上门查看。", began + timedelta(hours=1))
    messages.note(
        ticket=ticket,
        author=desk.clerk,
        body="已电话联系工程部刘师傅。",
        form_token=desk.token(),
        now=began + timedelta(hours=1, minutes=5),
    )
    tickets.promise(
        ticket=ticket,
        by=desk.clerk,
        until=desk.now + timedelta(hours=6),
        now=began + timedelta(hours=2),
    )


def _assigned(desk: Desk, ticket: Ticket, began: datetime) -> None:
    tickets.assign(
        ticket=ticket, by=desk.manager, assignee=desk.clerk, now=began + timedelta(minutes=30)
    )
    tickets.start(ticket=ticket, by=desk.clerk, now=began + timedelta(hours=1))


def _our_fault(desk: Desk, ticket: Ticket, began: datetime) -> None:
    desk.answer(ticket, "您好，非常抱歉，我们马上核对。", began + timedelta(hours=3))
    tickets.resolve(
        ticket=ticket,
        by=desk.clerk,
        body="经核对，抄表时把两户的读数记反了，已更正并在下期账单中抵扣。给您添麻烦了，对不起。",
        finding=Ticket.Finding.OUR_FAULT,
        now=began + timedelta(hours=20),
    )


def _misunderstanding(desk: Desk, ticket: Ticket, began: datetime) -> None:
    tickets.resolve(
        ticket=ticket,
        by=desk.clerk,
        body="您好，账单中的电梯运行费自交付起一直按 0.35 元/m²·月收取，本期没有变化。",
        finding=Ticket.Finding.MISUNDERSTANDING,
        now=began + timedelta(hours=4),
    )
    tickets.close(ticket=ticket, by=desk.manager, now=began + timedelta(hours=30))


def _answered_too_late(desk: Desk, ticket: Ticket, began: datetime) -> None:
    desk.answer(ticket, "您好，抱歉回复晚了，维修已经安排。", began + timedelta(hours=31))
    tickets.resolve(
        ticket=ticket, by=desk.clerk, body="门禁已经修好。", now=began + timedelta(hours=50)
    )
    tickets.close(ticket=ticket, by=None, now=began + timedelta(hours=90))


def _reopened(desk: Desk, ticket: Ticket, began: datetime) -> None:
    tickets.resolve(
        ticket=ticket,
        by=desk.clerk,
        body="已经清扫，抱歉。",
        finding=Ticket.Finding.OUR_FAULT,
        now=began + timedelta(hours=5),
    )
    tickets.reopen(
        ticket=ticket,
        by=ticket.reporter or desk.clerk,
        body="今天早上又堆满了。",
        now=began + timedelta(hours=26),
    )


STORIES: tuple[tuple[Told, Story], ...] = (
    (
        Told(
            *(TicketKind.REPAIR, "厨房下水道返水", "昨晚开始返水，地上都是水。"),
            hours=7,
            by=WANG.phone,
        ),
        _being_looked_into,
    ),
    (
        Told(TicketKind.INQUIRY, "发票怎么开", "单位报销需要发票，请问怎么申请？", hours=4),
        _assigned,
    ),
    (
        Told(
            *(TicketKind.COMPLAINT, "水表读数不对", "账单上的读数比我家水表高一百多。"),
            hours=300,
            by=WANG.phone,
        ),
        _our_fault,
    ),
    (
        Told(
            *(TicketKind.COMPLAINT, "电梯费涨价了吗", "感觉这个季度电梯费比以前多。"),
            hours=900,
            by=LI.phone,
        ),
        _misunderstanding,
    ),
    (
        Told(TicketKind.REPAIR, "单元门禁刷不开", "1栋1单元门禁刷卡没有反应。", hours=500),
        _answered_too_late,
    ),
    (
        Told(
            *(TicketKind.COMPLAINT, "楼道堆放杂物", "4栋楼道里堆满纸箱，不安全。"),
            hours=60,
            by=LI.phone,
        ),
        _reopened,
    ),
)

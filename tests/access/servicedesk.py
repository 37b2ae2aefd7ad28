"""The service desk."""

from tests.access.rows import Row
from tests.access.world import Side, Visitor
from tests.factories.servicedesk import TicketFactory


def a_ticket(side: Side) -> dict[str, int]:
    ticket = TicketFactory.create(community=side.community, unit=side.unit, reporter=side.owner)
    return {"pk": ticket.pk}


ROWS = [
    Row("servicedesk:tickets"),
    Row("servicedesk:new"),
    # The reporter's own page: there he speaks as the resident. Staff have theirs at the desk.
    Row(
        "servicedesk:my_ticket",
        a_ticket,
        expect={Visitor.CLERK: 404, Visitor.ACCOUNTANT: 404, Visitor.MANAGER: 404},
    ),
    Row("servicedesk:queue"),
    Row("servicedesk:take"),
    Row("servicedesk:ticket", a_ticket),
]

"""The places of the portal: the resident's four, and those of staff by role."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import resolve, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from community.access import Access
from community.models import Membership


@dataclass(frozen=True)
class Place:
    """An entry of a navigation: where it leads, how it is called, which pages count as it."""

    label: str | Promise
    icon: str
    url_name: str
    # Other url names, or whole namespaces ("payments:"), whose pages belong to this place.
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Link:
    """A place as one visitor sees it on one page."""

    label: str | Promise
    icon: str
    url: str
    current: bool


RESIDENT = (
    Place(
        _("Bills"),
        "receipt-text",
        "billing:bills",
        ("billing:", "payments:pay", "payments:prepay", "payments:share"),
    ),
    Place(_("Payments"), "wallet", "payments:records", ("payments:",)),
    Place(_("Service"), "message-square-text", "servicedesk:tickets", ("servicedesk:",)),
    Place(_("Me"), "circle-user", "community:me", ("community:", "notices:")),
)

# Who sees a place follows from who may open its page (community.access).
STAFF = (
    (
        _("Front desk"),
        (
            Place(
                _("Find a unit"),
                "search",
                "portal:desk",
                (
                    "portal:unit",
                    "payments:collect",
                    "payments:statement",
                    "payments:desk_prepay",
                    "payments:take_deposit",
                    "payments:move_out",
                    "payments:clearance",
                    "payments:read_at_the_end",
                ),
            ),
            Place(_("Tickets"), "message-square-text", "servicedesk:queue", ("servicedesk:",)),
            Place(_("Receipts"), "receipt-text", "payments:receipts", ("payments:",)),
            Place(
                _("Refunds"),
                "undo-2",
                "payments:refunds",
                ("payments:refund", "payments:ask_refund", "payments:transfer_refund"),
            ),
            Place(_("Deposits"), "piggy-bank", "payments:deposits"),
            Place(_("Bindings"), "user-check", "community:binding_requests"),
            Place(
                _("Meters"),
                "droplets",
                "billing:meters",
                ("billing:meter", "billing:meter_sheet", "billing:meters_missing"),
            ),
        ),
    ),
    (
        _("Notices"),
        (
            Place(_("Deliveries"), "send", "notices:campaigns", ("notices:",)),
            Place(_("Door notices"), "door-open", "notices:door_campaigns", ("notices:door_walk",)),
        ),
    ),
    (
        _("Management"),
        (
            Place(_("Today"), "gauge", "portal:manager"),
            Place(
                _("Online payments that do not fit"),
                "triangle-alert",
                "payments:unsettled",
                ("payments:astray",),
            ),
            Place(
                _("Reconciliation"),
                "scale",
                "payments:reconciliations",
                ("payments:reconciliation", "payments:difference"),
            ),
            Place(
                _("Settlement"),
                "landmark",
                "payments:settlements",
                ("payments:bank_line", "payments:bank_statements"),
            ),
            Place(_("Bill runs"), "calculator", "billing:runs", ("billing:",)),
            Place(_("Arrears"), "hourglass", "billing:arrears", ("billing:arrears_accounts",)),
            Place(
                _("Fee standards"),
                "tags",
                "billing:tariffs",
                ("billing:tariff", "billing:tariff_new", "billing:item"),
            ),
            Place(
                _("Proposals"),
                "megaphone",
                "billing:desk_proposals",
                ("billing:desk_proposal", "billing:proposal_new", "billing:proposal_edit"),
            ),
            Place(
                _("Shared costs"),
                "chart-pie",
                "billing:desk_shared_costs",
                ("billing:desk_shared_cost",),
            ),
            Place(
                _("Adjustments"),
                "badge-percent",
                "billing:adjustments",
                (
                    "billing:adjust",
                    "billing:extra_charge",
                    "billing:vacancies",
                    "billing:desk_vacancy",
                    "billing:offers",
                    "billing:late_fees",
                ),
            ),
            Place(_("People who work here"), "users", "community:staff"),
            Place(_("About the community"), "building-2", "community:settings"),
            Place(_("Looks at personal data"), "eye", "community:access_log"),
        ),
    ),
)


def _here(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _nearest(places: Iterable[Place], here: str) -> Place | None:
    """The place that the page belongs to."""
    found = max(places, key=lambda place: _claim(place, here))
    return found if _claim(found, here) else None


def _claim(place: Place, here: str) -> int:
    """How near `place` is to the page: its own, a listed one, one of a whole namespace, none."""
    if here == place.url_name:
        return 3
    if here in place.also:
        return 2
    return int(any(name.endswith(":") and here.startswith(name) for name in place.also))


def resident_places(request: HttpRequest) -> list[Link]:
    """The bottom bar of a resident's phone."""
    current = _nearest(RESIDENT, _here(request))
    return [
        Link(place.label, place.icon, reverse(place.url_name), current=place is current)
        for place in RESIDENT
    ]


def staff_places(request: HttpRequest, workplace: Membership) -> list[dict[str, object]]:
    """The navigation at the left of a staff page: the groups in which his role has a place."""
    code = workplace.community.code
    current = _nearest((place for _label, places in STAFF for place in places), _here(request))
    groups = []
    for label, places in STAFF:
        links = [
            Link(
                place.label,
                place.icon,
                reverse(place.url_name, kwargs={"community": code}),
                current=place is current,
            )
            for place in places
            if workplace.role in _roles(place.url_name, code)
        ]
        if links:
            groups.append({"label": label, "places": links})
    return groups


def _roles(url_name: str, community: str) -> frozenset[str]:
    view = resolve(reverse(url_name, kwargs={"community": community})).func
    access: Access = view.access  # type: ignore[attr-defined]
    return access.roles

"""The places of the portal: the resident's four, and those of staff by role."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from community.models import Membership, Role


@dataclass(frozen=True)
class Place:
    """An entry of a navigation: where it leads, how it is called, which pages count as it."""

    label: str | Promise
    icon: str
    url_name: str
    # Other url names, or whole namespaces ("payments:"), whose pages belong to this place.
    also: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Link:
    """A place as one visitor sees it on one page."""

    label: str | Promise
    icon: str
    url: str
    current: bool


RESIDENT = (
    Place(_("Bills"), "receipt-text", "billing:bills", ("billing:", "payments:pay")),
    Place(_("Payments"), "wallet", "payments:records", ("payments:",)),
    Place(_("Service"), "message-square-text", "servicedesk:tickets", ("servicedesk:",)),
    Place(_("Me"), "circle-user", "community:me", ("community:",)),
)

CLERK = frozenset({Role.CLERK, Role.MANAGER})
ACCOUNTANT = frozenset({Role.ACCOUNTANT, Role.MANAGER})
EVERYBODY = frozenset(Role.values)
MANAGER = frozenset({Role.MANAGER})

STAFF = (
    (
        _("Front desk"),
        (
            Place(_("Find a unit"), "search", "portal:desk", ("portal:unit",), EVERYBODY),
            Place(_("Bindings"), "user-check", "community:binding_requests", (), CLERK),
            Place(_("Tickets"), "message-square-text", "servicedesk:queue", (), CLERK),
        ),
    ),
    (
        _("Accounts"),
        (
            Place(_("Bill runs"), "calculator", "billing:runs", ("billing:run",), ACCOUNTANT),
            Place(_("Receipts"), "receipt-text", "payments:receipts", (), EVERYBODY),
        ),
    ),
    (
        _("Notices"),
        (Place(_("Deliveries"), "send", "notices:campaigns", ("notices:campaign",), EVERYBODY),),
    ),
    (
        _("Management"),
        (
            Place(_("Today"), "gauge", "portal:manager", (), MANAGER),
            Place(_("Looks at personal data"), "eye", "community:access_log", (), MANAGER),
        ),
    ),
)


def _links(request: HttpRequest, places: Iterable[Place], **kwargs: str) -> Iterator[Link]:
    here = request.resolver_match.view_name if request.resolver_match else ""
    places = list(places)
    # The nearest claim wins: the page itself, then a listed page, then a whole namespace.
    claims = [
        3 if here == place.url_name
        else 2 if here in place.also
        else 1 if any(name.endswith(":") and here.startswith(name) for name in place.also)
        else 0
        for place in places
    ]  # fmt: skip
    best = max(claims, default=0)
    for place, claim in zip(places, claims, strict=True):
        try:
            url = reverse(place.url_name, kwargs=kwargs)
        except NoReverseMatch:
            continue
        yield Link(place.label, place.icon, url, current=bool(claim) and claim == best)


def resident_places(request: HttpRequest) -> list[Link]:
    """The bottom bar of a resident's phone."""
    return list(_links(request, RESIDENT))


def staff_places(request: HttpRequest, workplace: Membership) -> list[dict[str, object]]:
    """The navigation at the left of a staff page: the groups in which his role has a place."""
    groups = []
    for label, places in STAFF:
        own = [place for place in places if workplace.role in place.roles]
        links = list(_links(request, own, community=workplace.community.code))
        if links:
            groups.append({"label": label, "places": links})
    return groups

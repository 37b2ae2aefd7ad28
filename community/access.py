"""Who may open a view. Every view carries one of these decorators; the sweep test insists on it.

Signing in is the default (LoginRequiredMiddleware). Which objects a person sees is the querysets'
business (`visible_to`): a stranger gets 404, a colleague without the right 403.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django_htmx.middleware import HtmxDetails

from community.models import Community, Membership, Role, User


class SignedInRequest(HttpRequest):
    """The request as a view behind `signed_in` or `staff` gets it (for the type checker)."""

    user: User
    membership: Membership  # behind `staff` only
    htmx: HtmxDetails


View = TypeVar("View", bound=Callable[..., HttpResponse])


@dataclass(frozen=True)
class Access:
    """What a view asks of its visitor."""

    audience: str  # public | signed_in | staff
    roles: frozenset[str] = frozenset()


def public(view: View) -> View:
    """Anybody may open this view, signed in or not."""
    opened = login_not_required(view)
    opened.access = Access("public")  # type: ignore[attr-defined]
    return opened


def signed_in(view: View) -> View:
    """Anybody who is signed in; the view shows him only what `visible_to` lets him see."""
    view.access = Access("signed_in")  # type: ignore[attr-defined]
    return view


def with_password(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Whoever signs in with a password: pages about it mean nothing to a resident (Http404)."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated and not request.user.has_usable_password():
            raise Http404
        return view(request, *args, **kwargs)

    return signed_in(guarded)


def staff(*roles: Role) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Members of the community named in the URL with one of `roles`; managers always may.

    The view gets the community as its second argument instead of the code. Raises Http404 for
    somebody who does not work there (he learns nothing), PermissionDenied for a colleague.
    """
    allowed = frozenset({*roles, Role.MANAGER})

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def guarded(
            request: HttpRequest, community: str, *args: Any, **kwargs: Any
        ) -> HttpResponse:
            membership = get_object_or_404(
                Membership.objects.select_related("community"),
                user=request.user,
                is_active=True,
                community__code=community,
            )
            if membership.role not in allowed:
                raise PermissionDenied
            request.membership = membership  # type: ignore[attr-defined]
            return view(request, membership.community, *args, **kwargs)

        guarded.access = Access("staff", allowed)  # type: ignore[attr-defined]
        return guarded

    return decorate


def works_in(user: User, community: Community, *roles: Role) -> bool:
    """Whether `user` works in `community` in one of `roles` (or as its manager)."""
    return Membership.objects.filter(
        user=user, community=community, is_active=True, role__in={*roles, Role.MANAGER}
    ).exists()

"""What a room says about one URL, and which answers follow from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from community.access import Access
from tests.access.world import STAFF, Side, Visitor

TO_SIGN_IN = "to sign-in"  # a redirect to the sign-in page
ALLOWED = "allowed"  # let in: any answer but a refusal or an error
ANY_ANSWER = "any"  # this row's own tests say more

Expected = int | str

DENIED = {TO_SIGN_IN, 403, 404, 405}
WORKERS = {Visitor.CLERK, Visitor.ACCOUNTANT, Visitor.MANAGER}


@dataclass(frozen=True)
class Row:
    """One URL of the portal.

    `url`      its name as `reverse` takes it, e.g. "billing:bill".
    `kwargs`   makes the object that the URL names, on the given side, and returns the URL's
               arguments. `community` is filled in by itself.
    `post`     the view takes only POST: GET must answer 405 to whoever is let in.
    `data`     what is posted by those who are let in; without it they post an empty form.
    `query`    what follows the `?`.
    `shared`   a signed-in view whose object is for everybody (a public bill of fees), not one
               resident's.
    `expect`   visitors who are answered otherwise than the rule says, with a status code or
               `ANY_ANSWER`; say why in a comment.

    The rule, from the decorator of the view:

    @public      everybody is let in.
    @signed_in   an anonymous visitor is sent to sign in. Without arguments in the URL, or `shared`,
                 everybody else is let in; else the owner and the staff of the community, and all
                 others get 404.
    @staff(…)    anonymous: to sign in; residents and other communities' staff: 404; colleagues
                 without the role: 403. An object of another community under one's own community's
                 address: 404 for whoever has the role.
    """

    url: str
    kwargs: Callable[[Side], Mapping[str, Any]] | None = None
    post: bool = False
    data: Callable[[Side], Mapping[str, Any]] | None = None
    query: str = ""
    shared: bool = False
    expect: Mapping[Visitor, Expected] = field(default_factory=dict)

    def expected(self, access: Access, visitor: Visitor) -> Expected:
        """What `visitor` is answered at an address on his own side (see the rule above)."""
        if visitor in self.expect:
            return self.expect[visitor]
        if access.audience == "public":
            return ALLOWED
        if visitor is Visitor.ANONYMOUS:
            return TO_SIGN_IN
        if access.audience == "staff":
            if visitor not in WORKERS:
                return 404
            return ALLOWED if STAFF[visitor] in access.roles else 403
        if self.kwargs is None or self.shared:
            return ALLOWED
        return ALLOWED if visitor in {Visitor.OWNER, *WORKERS} else 404

"""System checks: no view without a word on who may open it."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.urls import URLPattern, URLResolver, get_resolver

# Views that other people wrote and guard: whatever hangs below these namespaces.
THIRD_PARTY = {"admin": "Django's admin asks for is_staff and for a permission on each model"}


def all_urls(
    resolver: URLResolver | None = None, namespaces: tuple[str, ...] = (), prefix: str = ""
) -> Iterator[tuple[str, URLPattern]]:
    """Every pattern below `resolver` with the name that `reverse` takes (the route if unnamed)."""
    resolver = resolver or get_resolver()
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = (*namespaces, entry.namespace) if entry.namespace else namespaces
            yield from all_urls(entry, inner, route)
        else:
            yield ":".join([*namespaces, entry.name or route]), entry


def is_third_party(name: str) -> bool:
    return name.partition(":")[0] in THIRD_PARTY and ":" in name


@register(Tags.urls)
def every_view_says_who_may_open_it(**kwargs: Any) -> list[CheckMessage]:
    """community.E001: a view carries none of the decorators of `community.access`."""
    return [
        Error(
            f"The view of {name!r} does not say who may open it.",
            hint="Put @public, @signed_in or @staff(…) of community.access on it, outermost.",
            id="community.E001",
        )
        for name, pattern in all_urls()
        if not is_third_party(name) and not hasattr(pattern.callback, "access")
    ]

"""Payment providers: plug-ins named in PAYMENT_PROVIDERS, found by their keys.

To add one, write a class after `base.Provider`, name it in the setting, and let its tests inherit
`tests.payments.provider_contract.ProviderContract`; docs/writing-a-provider.md shows it step by
step. A provider is bound to one merchant account:
the community's own, or the one of all that have none (config/merchants.py).
"""

from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.module_loading import import_string

from payments.providers.base import Provider

if TYPE_CHECKING:
    from payments.models import PaymentOrder


@lru_cache
def _kind(path: str) -> type[Provider]:
    kind: type[Provider] = import_string(path)
    return kind


def all_providers() -> dict[str, type[Provider]]:
    """Every provider of the setting, by key, configured or not."""
    kinds = [_kind(path) for path in settings.PAYMENT_PROVIDERS]
    return {kind.key: kind for kind in kinds}


def get(key: str, merchant: str = "") -> Provider:
    """The provider with `key`; KeyError when there is none or it has no such merchant account."""
    provider = all_providers()[key](merchant)
    if not provider.is_configured():
        raise KeyError(f"{key} {merchant}")
    return provider


def made(order: "PaymentOrder") -> Provider:
    """The provider of an order, whether its account can still be used or not."""
    return all_providers()[order.provider](order.merchant)


def of(order: "PaymentOrder") -> Provider:
    """The provider of an order, for asking: KeyError when it has no such account."""
    return get(order.provider, order.merchant)


def available(community: str | None = None) -> dict[str, Provider]:
    """The providers that a community (its code) can be paid with, in the order of the setting.

    Without a community: those that any community can be paid with.
    """
    offered = {}
    for key, kind in all_providers().items():
        names = kind.merchants() if community is None else [merchant_of(kind, community)]
        usable = [kind(name) for name in names if kind(name).is_configured()]
        if usable:
            offered[key] = usable[0]
    return offered


def merchant_of(kind: type[Provider], community: str) -> str:
    """The name of the community's merchant account: its own, or that of all ('')."""
    return community if community in kind.merchants() else ""

"""System checks: the registry of payment providers says what it means."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from payments.providers.base import Provider


@register()
def check_providers(**kwargs: Any) -> list[CheckMessage]:
    """Every registered provider exists, has a key of its own and a usable configuration."""
    problems: list[CheckMessage] = []
    keys: set[str] = set()
    for path in settings.PAYMENT_PROVIDERS:
        try:
            provider = import_string(path)
        except ImportError as error:
            problems.append(Error(f"PAYMENT_PROVIDERS: {error}", id="payments.E001"))
            continue
        if not (isinstance(provider, type) and issubclass(provider, Provider)):
            problems.append(
                Error(f"PAYMENT_PROVIDERS: {path} is not a Provider.", id="payments.E002")
            )
            continue
        if provider.key in keys:
            problems.append(
                Error(f"PAYMENT_PROVIDERS: {provider.key!r} is there twice.", id="payments.E003")
            )
        keys.add(provider.key)
        problems += [
            Error(f"Provider {provider.key!r}: {problem}.", id="payments.E004")
            for merchant in provider.merchants()
            for problem in provider(merchant).problems()
        ]
    return problems

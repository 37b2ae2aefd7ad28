"""Payment providers: plug-ins named in PAYMENT_PROVIDERS, found by their keys.

To add one, write a class after `base.Provider`, name it in the setting, and let its tests inherit
`tests.payments.provider_contract.ProviderContract`.
"""

from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from payments.providers.base import Provider


@lru_cache
def _provider(path: str) -> Provider:
    provider: Provider = import_string(path)()
    return provider


def all_providers() -> dict[str, Provider]:
    """Every provider of the setting, by key, configured or not."""
    providers = [_provider(path) for path in settings.PAYMENT_PROVIDERS]
    return {provider.key: provider for provider in providers}


def available() -> dict[str, Provider]:
    """The providers that have a merchant account, in the order in which they are offered."""
    return {key: found for key, found in all_providers().items() if found.is_configured()}


def get(key: str) -> Provider:
    """The provider with `key`; KeyError when there is none or it has no merchant account."""
    return available()[key]

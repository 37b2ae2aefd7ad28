"""System checks: the registry of channels says what it means."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.utils.module_loading import import_string

from notices.channels.base import Channel
from notices.models import Delivery


@register()
def check_channels(**kwargs: Any) -> list[CheckMessage]:
    """Every registered channel exists, is a channel, and serves deliveries that we know."""
    problems: list[CheckMessage] = []
    for name, path in settings.NOTICE_CHANNELS.items():
        problems += _check_channel(name, path)
    for name in sorted({"sms", "email"} - set(settings.NOTICE_CHANNELS)):
        problems.append(Error(f"No channel is registered for {name!r}.", id="notices.E004"))
    return problems


def _check_channel(name: str, path: str) -> list[CheckMessage]:
    if name not in Delivery.Channel.values or name == Delivery.Channel.DOOR:
        return [Error(f"NOTICE_CHANNELS: no delivery goes by {name!r}.", id="notices.E001")]
    try:
        channel_class = import_string(path)
    except ImportError as error:
        return [Error(f"NOTICE_CHANNELS[{name!r}]: {error}", id="notices.E002")]
    if not (isinstance(channel_class, type) and issubclass(channel_class, Channel)):
        return [Error(f"NOTICE_CHANNELS[{name!r}]: {path} is not a Channel.", id="notices.E003")]
    if not settings.PRODUCTION:
        return []
    return [
        Error(f"Channel {name!r}: {missing}.", id="notices.E005")
        for missing in channel_class().missing_settings()
    ]

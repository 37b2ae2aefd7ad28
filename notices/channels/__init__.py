"""Channels by name. Which class serves which channel is settings.NOTICE_CHANNELS."""

from functools import cache

from django.conf import settings
from django.core.signals import setting_changed
from django.utils.functional import Promise
from django.utils.module_loading import import_string

from notices.channels.base import Channel
from notices.channels.reasons import explain


@cache
def get_channel(name: str) -> Channel:
    """The channel that serves deliveries of `name`; KeyError if none is registered."""
    channel_class = import_string(settings.NOTICE_CHANNELS[name])
    channel: Channel = channel_class()
    return channel


def explain_error(channel: str, error: str) -> Promise:
    """What the kept `error` of a delivery means, in a sentence for staff."""
    known = channel in settings.NOTICE_CHANNELS
    return explain(error, get_channel(channel).meanings if known else ())


def _forget(*, setting: str, **kwargs: object) -> None:
    """Tests change settings; a channel reads them when it is made."""
    if setting.startswith(("NOTICE_", "ALIYUN_", "SMS_", "EMAIL_", "DEFAULT_FROM")):
        get_channel.cache_clear()


setting_changed.connect(_forget)

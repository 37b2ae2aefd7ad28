"""Sign-in by phone and one-time code.

The code itself leaves only with the signal; kept is a keyed digest, in the shared cache, for five
minutes. A number that nobody has signed in with gets its user at the first right code, so asking
for codes neither fills the table nor tells who has an account. How often a phone or an address may
ask is limited before these functions are called (ACCOUNT_RATE_LIMITS).
"""

import datetime
import secrets
from enum import StrEnum

from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.views.decorators.debug import sensitive_variables

from community.models import User
from community.signals import sign_in_code_requested

LIFETIME = datetime.timedelta(minutes=5)
TRIES = 5  # per code: five of a million, and a phone gets ten codes a day
CODE_LENGTH = 6


class Answer(StrEnum):
    """What became of a code that somebody typed."""

    RIGHT = "right"
    WRONG = "wrong"
    SPENT = "spent"  # used, expired, or tried too often: a new one is needed


@sensitive_variables("code")
def send_code(*, phone: str) -> str:
    """Has a new code sent to `phone` (11 digits) and returns the challenge that it answers.

    The challenge belongs into the asker's session: a code works only where it was asked for.
    """
    challenge = secrets.token_urlsafe(16)
    code = f"{secrets.randbelow(10**CODE_LENGTH):0{CODE_LENGTH}}"
    seconds = int(LIFETIME.total_seconds())
    cache.set(_digest_key(challenge), _digest(challenge, phone, code), seconds)
    cache.set(_tries_key(challenge), 0, seconds)
    with transaction.atomic():
        sign_in_code_requested.send(
            sender=User,
            phone=phone,
            code=code,
            user=User.objects.filter(phone=phone).first(),
            expires_at=timezone.now() + LIFETIME,
        )
    return challenge


@sensitive_variables("code")
def check_code(*, challenge: str, phone: str, code: str) -> Answer:
    """Whether `code` answers `challenge` for `phone`. A right code is spent by this call."""
    try:
        tries = cache.incr(_tries_key(challenge))  # atomic: no free tries side by side
    except ValueError:
        return Answer.SPENT
    expected = cache.get(_digest_key(challenge))
    if expected is None or tries > TRIES:
        return Answer.SPENT
    if not constant_time_compare(expected, _digest(challenge, phone, code)):
        return Answer.WRONG if tries < TRIES else Answer.SPENT
    # Only one of two who come with the same code at the same moment deletes it.
    return Answer.RIGHT if cache.delete(_digest_key(challenge)) else Answer.SPENT


def forget_code(*, challenge: str) -> None:
    """Makes an earlier code worthless, because a newer one is on its way."""
    cache.delete_many([_digest_key(challenge), _tries_key(challenge)])


def user_of_phone(*, phone: str) -> User:
    """The user who has just proved that `phone` is his; made now if he is new here."""
    user, _created = User.objects.get_or_create(
        phone=phone,
        defaults={
            "username": f"resident-{secrets.token_hex(6)}",
            "password": make_password(None),
        },
    )
    if not user.phone_verified:
        user.phone_verified = True
        user.save(update_fields=["phone_verified"])
    return user


def _digest(challenge: str, phone: str, code: str) -> str:
    """Useless without SECRET_KEY: six digits alone would be guessed from a bare hash at once."""
    return salted_hmac(__name__, f"{challenge}:{phone}:{code}", algorithm="sha256").hexdigest()


def _digest_key(challenge: str) -> str:
    return f"sign-in:{challenge}:digest"


def _tries_key(challenge: str) -> str:
    return f"sign-in:{challenge}:tries"

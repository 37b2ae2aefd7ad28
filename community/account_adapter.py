"""Where django-allauth asks us: its words, and secrets at rest."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core import encryption


class AccountAdapter(DefaultAccountAdapter):
    """The password door in this portal's words; nobody signs up by himself."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": _(
            "User name and password do not match. Please check both and try again."
        ),
        "too_many_login_attempts": _(
            "Too many attempts. Please wait five minutes, then try again."
        ),
        "incorrect_password": _("This is not your password. Please try again."),
        "enter_current_password": _("This is not your present password. Please try again."),
        "incorrect_code": _("This code is not right. Please use the newest one."),
        "rate_limited": _("Too many attempts. Please wait a few minutes, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


class SecondFactorAdapter(DefaultMFAAdapter):
    """Keeps the secrets of authenticator apps encrypted."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": _("This code is not right. Please use the newest one."),
    }

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text)

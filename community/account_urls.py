"""The pages of django-allauth that this portal has, and no others.

allauth's own list would also bring sign-up, e-mail addresses and password reset by mail, which
nobody here needs. The names are allauth's, because its views and stages look each other up by name.
"""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from django.urls import path
from django.views.decorators.http import require_POST

from community.access import public, with_password
from community.views.sign_in import TwoDoorsView

urlpatterns = [
    path("login/", public(TwoDoorsView.as_view()), name="account_login"),
    path("logout/", public(require_POST(account.logout)), name="account_logout"),
    path("inactive/", public(account.account_inactive), name="account_inactive"),
    path("reauthenticate/", with_password(account.reauthenticate), name="account_reauthenticate"),
    path(
        "password/change/", with_password(account.password_change), name="account_change_password"
    ),
    path("2fa/", with_password(mfa.index), name="mfa_index"),
    # The second step of a sign-in: allauth sends away whoever has not done the first.
    path("2fa/authenticate/", public(mfa.authenticate), name="mfa_authenticate"),
    path("2fa/reauthenticate/", with_password(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("2fa/totp/activate/", with_password(totp.activate_totp), name="mfa_activate_totp"),
    path("2fa/totp/deactivate/", with_password(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path(
        "2fa/recovery-codes/",
        with_password(recovery_codes.view_recovery_codes),
        name="mfa_view_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/generate/",
        with_password(recovery_codes.generate_recovery_codes),
        name="mfa_generate_recovery_codes",
    ),
    path(
        "2fa/recovery-codes/download/",
        with_password(recovery_codes.download_recovery_codes),
        name="mfa_download_recovery_codes",
    ),
]

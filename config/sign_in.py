"""Settings of who signs in, and how."""

from config.environment import PRODUCTION, env

AUTH_USER_MODEL = "community.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
# The password door; residents come by phone and one-time code (community/services/sign_in.py).
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "community.account_adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "community.forms.PasswordForm"}
# Staff share the computer at the counter: their sign-in ends with the browser.
ACCOUNT_SESSION_REMEMBER = False
MFA_ADAPTER = "community.account_adapter.SecondFactorAdapter"
MFA_TOTP_ISSUER = "Property fee portal"
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
# amount/time/per: how many codes go to a phone ("key") and to whoever sits behind one address, and
# how often somebody may try one. Behind one address there may be a whole community's network.
ACCOUNT_RATE_LIMITS = {
    "sign_in_code": env(
        "SIGN_IN_CODE_RATE",
        default="1/m/key,5/h/key,10/d/key,30/10m/ip" if PRODUCTION else "10/m/key,300/10m/ip",
    ),
    "sign_in_try": "60/10m/ip",
    "claim_unit": "10/h/user",
}
# How many proxies of ours stand in front and write X-Forwarded-For; 0: nobody's word is taken.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

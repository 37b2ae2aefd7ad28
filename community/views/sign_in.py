"""One page with two doors: residents by phone and one-time code, staff by name and password."""

from typing import Any

from allauth.account.utils import perform_login
from allauth.account.views import LoginView
from allauth.core import ratelimit
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from community.access import public
from community.forms import CodeForm, PasswordForm, PhoneForm
from community.models import User
from community.services import preferences, sign_in
from community.services.sign_in import Answer
from community.views.preferences import wants_elder_mode
from core.http import safe_next

# In the session: which code was asked for, for which number, and where to go afterwards.
PENDING = "sign_in"


class TwoDoorsView(LoginView):
    """allauth's password page, with the residents' form beside it."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {
            "phone_form": PhoneForm(),
            "next": safe_next(self.request, default=""),
        }

    def form_invalid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_invalid(form)
        response.status_code = 422
        return response


@public
@require_POST
@never_cache
def request_code(request: HttpRequest) -> HttpResponse:
    """Sends a code to the number in the form and leads on to where it is typed.

    The answer is the same for every number, known here or not.
    """
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    form = PhoneForm(request.POST)
    status = 422
    if form.is_valid():
        wanted = safe_next(request, default="")
        if _send_code(request, phone=form.cleaned_data["phone"], wanted=wanted):
            return redirect("community:enter_code")
        form.add_error("phone", _too_often())
        status = 429
    context = {
        "phone_form": form,
        "form": PasswordForm(request=request),
        "next": safe_next(request, default=""),
    }
    return render(request, "account/login.html", context, status=status)


@sensitive_post_parameters("code")
def _enter_code(request: HttpRequest) -> HttpResponse:
    pending = request.session.get(PENDING)
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    if not pending:
        messages.info(request, _("Please enter your mobile number first."))
        return redirect("account_login")
    form = CodeForm(request.POST or None)
    status = 422 if request.method == "POST" else 200
    if request.method == "POST" and not ratelimit.consume(request, action="sign_in_try"):
        form.errors.clear()
        form.add_error("code", _too_often())
        status = 429
    elif form.is_valid():
        answer = sign_in.check_code(
            challenge=pending["challenge"],
            phone=pending["phone"],
            code=form.cleaned_data["code"],
        )
        if answer is Answer.RIGHT:
            del request.session[PENDING]
            user = sign_in.user_of_phone(phone=pending["phone"])
            return _let_in(request, user, wanted=pending["next"])
        form.add_error("code", _what_now(answer))
    context = {"form": form, "phone": pending["phone"]}
    return render(request, "account/enter_code.html", context, status=status)


enter_code = public(never_cache(require_http_methods(["GET", "POST"])(_enter_code)))


@public
@require_POST
@never_cache
def resend_code(request: HttpRequest) -> HttpResponse:
    """Sends another code to the same number; the one before it is worth nothing from then on."""
    pending = request.session.get(PENDING)
    if request.user.is_authenticated or not pending:
        return redirect("account_login")
    if _send_code(request, phone=pending["phone"], wanted=pending["next"]):
        sign_in.forget_code(challenge=pending["challenge"])
        messages.success(request, _("A new code is on its way. Only the newest one works."))
    else:
        messages.warning(request, _too_often())
    return redirect("community:enter_code")


def _send_code(request: HttpRequest, *, phone: str, wanted: str) -> bool:
    """Sends a code unless the number or the address had too many; whether it did."""
    if not ratelimit.consume(request, action="sign_in_code", key=phone):
        return False
    request.session[PENDING] = {
        "challenge": sign_in.send_code(phone=phone),
        "phone": phone,
        "next": wanted,
    }
    return True


def _let_in(request: HttpRequest, user: User, *, wanted: str) -> HttpResponse:
    """Signs in who has proved his number; whoever has a password is asked for that instead."""
    if user.has_usable_password():
        messages.info(
            request,
            _("This number belongs to a staff account: please sign in with your password."),
        )
        return redirect("account_login")
    if wants_elder_mode(request):
        preferences.set_elder_mode(user=user, on=True)
    if not wanted:
        wanted = reverse("community:bind") if not user.bindings.exists() else "/"
    request.session.set_expiry(settings.SESSION_COOKIE_AGE)
    return perform_login(request, user, redirect_url=wanted)


def _too_often() -> str:
    return _(
        "Too many tries in a short time. Please wait a minute and try again; "
        "if it still does not work, please call the service desk."
    )


def _what_now(answer: Answer) -> str:
    if answer is Answer.WRONG:
        return _("This code is not right. Please check the newest message and try again.")
    return _("This code is no longer valid. Please have a new one sent.")

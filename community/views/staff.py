"""The manager's pages about the community itself: who works here, what its papers say."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from community.access import SignedInRequest, staff
from community.forms_staff import CommunityForm, NewStaffForm, RoleForm
from community.models import Community, Membership, Role, User
from community.services.staff import Change, StaffRefused, add_staff, change_role, set_active


def _people(request: SignedInRequest, community: Community) -> HttpResponse:
    """Who works here, as what; a new colleague is added below."""
    form = NewStaffForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _added(request, community, form):
        return redirect("community:staff", community.code)
    members = Membership.objects.filter(community=community).select_related("user")
    context = {
        "community": community,
        "members": members.order_by("-is_active", "role", "user__username"),
        "roles": Role.choices,
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "community/staff.html", context, status=status)


people = staff()(
    require_http_methods(["GET", "HEAD", "POST"])(sensitive_post_parameters("password")(_people))
)


def _added(request: SignedInRequest, community: Community, form: NewStaffForm) -> bool:
    asked = form.cleaned_data
    # Only whoever manages a colleague elsewhere may bring him along; for others the name is taken.
    known = User.objects.filter(username=asked["username"]).first()
    managed = request.user.memberships.filter(is_active=True, role=Role.MANAGER)
    if known and not known.memberships.filter(community__in=managed.values("community")).exists():
        form.add_error("username", _("This user name is taken. Please choose another one."))
        return False
    try:
        taken = add_staff(
            community=community,
            username=asked["username"],
            role=Role(asked["role"]),
            password=asked["password"],
            name=asked["name"],
            email=asked["email"],
            phone=asked["phone"],
        )
    except StaffRefused as refusal:
        form.add_error(None, str(refusal))
        return False
    words = {
        Change.ADDED: _("%(name)s works here now."),
        Change.AGAIN: _("%(name)s works here again."),
        Change.NOTHING: _("%(name)s works here already; nothing was changed."),
    }
    messages.success(request, words[taken.change] % {"name": taken.membership.user})
    return True


@staff()
@require_POST
def member(request: SignedInRequest, community: Community, pk: int) -> HttpResponse:
    """Another role for somebody, or his last day or first day again (`do`)."""
    membership = get_object_or_404(
        Membership.objects.select_related("user"), pk=pk, community=community
    )
    do, form = request.POST.get("do"), RoleForm(request.POST)
    try:
        if do in ("leave", "return"):
            changed = set_active(membership=membership, active=do == "return")
        elif form.is_valid():
            changed = change_role(membership=membership, role=Role(form.cleaned_data["role"]))
        else:
            changed = False
    except StaffRefused as refusal:
        messages.error(request, str(refusal))
    else:
        if changed:
            messages.success(request, _("Kept for %(name)s.") % {"name": membership.user})
        else:
            messages.info(request, _("Nothing was changed."))
    if membership.user_id == request.user.pk:
        return redirect("/")  # whoever changed himself may not open this page any more
    return redirect("community:staff", community.code)


@staff()
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: SignedInRequest, community: Community) -> HttpResponse:
    """Name, company, desk, hotline, bank account: what notices and receipts say."""
    form = CommunityForm(request.POST or None, instance=community)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Kept. Notices and receipts say so from now on."))
        return redirect("community:settings", community.code)
    context = {"community": Community.objects.get(pk=community.pk), "form": form}
    status = 422 if form.errors else 200
    return render(request, "community/settings.html", context, status=status)

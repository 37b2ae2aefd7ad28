"""All addresses. Each room has its own list; this file only joins them."""

from django.contrib import admin
from django.urls import include, path

from community.views.preferences import set_language

urlpatterns = [
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("community.account_urls")),
    path("", include("community.urls")),
    path("", include("billing.urls")),
    # Before payments: callbacks/sms/… is no payment provider with a merchant.
    path("", include("notices.urls")),
    path("", include("payments.urls")),
    path("", include("servicedesk.urls")),
    path("", include("portal.urls")),
]

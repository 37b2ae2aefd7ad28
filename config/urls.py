"""All addresses. Each room has its own list; this file only joins them."""

from django.contrib import admin
from django.urls import include, path

from community.views.preferences import set_language

urlpatterns = [
    path("admin/", admin.site.urls),
    path("language/", set_language, name="set_language"),
    path("accounts/", include("community.account_urls")),
    # First for its callbacks, which come in crowds.
    path("", include("payments.urls")),
    path("", include("community.urls")),
    path("", include("billing.urls")),
    path("", include("notices.urls")),
    path("", include("servicedesk.urls")),
    path("", include("portal.urls")),
]

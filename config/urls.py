"""All addresses. Each room has its own list; this file only joins them."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("community.account_urls")),
    path("", include("community.urls")),
    path("", include("billing.urls")),
    path("", include("payments.urls")),
    path("", include("servicedesk.urls")),
    path("", include("notices.urls")),
    path("", include("portal.urls")),
]

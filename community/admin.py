"""The admin, for rare repair by the system's keeper; daily work has its own pages."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin

# One door for everybody: the admin's own form knows neither limits nor a second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

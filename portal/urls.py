from django.urls import path

from portal.views.appearance import appearance
from portal.views.home import home

app_name = "portal"
urlpatterns = [
    path("", home, name="home"),
    path("appearance/", appearance, name="appearance"),
]

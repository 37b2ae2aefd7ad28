from django.urls import path

from portal.views import desk, manager
from portal.views.appearance import appearance
from portal.views.home import home

app_name = "portal"
urlpatterns = [
    path("", home, name="home"),
    path("appearance/", appearance, name="appearance"),
    path("c/<slug:community>/desk/", desk.desk, name="desk"),
    path("c/<slug:community>/desk/search/", desk.search, name="search"),
    path("c/<slug:community>/desk/units/<int:pk>/", desk.unit, name="unit"),
    path("c/<slug:community>/manager/", manager.manager, name="manager"),
]

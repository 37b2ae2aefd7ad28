from django.urls import path

from servicedesk.views import desk, resident

app_name = "servicedesk"
urlpatterns = [
    path("service/", resident.ticket_list, name="tickets"),
    path("service/new/", resident.new, name="new"),
    path("service/<int:pk>/", resident.ticket, name="my_ticket"),
    path("c/<slug:community>/desk/tickets/", desk.queue, name="queue"),
    path("c/<slug:community>/desk/tickets/new/", desk.take_down, name="take"),
    path("c/<slug:community>/desk/tickets/<int:pk>/", desk.ticket, name="ticket"),
]

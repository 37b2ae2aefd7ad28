from django.urls import path

from billing.views import resident, staff

app_name = "billing"
urlpatterns = [
    path("bills/", resident.bills, name="bills"),
    path("bills/<int:pk>/", resident.bill, name="bill"),
    path("c/<slug:community>/desk/bills/<int:pk>/", staff.bill, name="desk_bill"),
    path("c/<slug:community>/manager/runs/", staff.runs, name="runs"),
    path("c/<slug:community>/manager/runs/<int:pk>/", staff.run, name="run"),
]

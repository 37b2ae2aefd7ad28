from django.urls import path

from notices.views import callbacks

app_name = "notices"
urlpatterns = [
    path("callbacks/sms/<str:token>/", callbacks.sms_report, name="sms_report"),
]

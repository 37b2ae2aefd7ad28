from django.urls import path

from community.views import bind, binding_requests, jobs, me, preferences, privacy, sign_in, staff

app_name = "community"
urlpatterns = [
    path("accounts/phone/", sign_in.request_code, name="request_code"),
    path("accounts/code/", sign_in.enter_code, name="enter_code"),
    path("accounts/code/resend/", sign_in.resend_code, name="resend_code"),
    path("me/", me.me, name="me"),
    path("me/elder-mode/", preferences.elder_mode, name="elder_mode"),
    path("bind/", bind.bind, name="bind"),
    path("bind/<int:pk>/", bind.bind_registered, name="bind_registered"),
    path(
        "c/<slug:community>/desk/bindings/",
        binding_requests.binding_requests,
        name="binding_requests",
    ),
    path(
        "c/<slug:community>/desk/bindings/<int:pk>/approve/",
        binding_requests.approve,
        name="approve_binding",
    ),
    path(
        "c/<slug:community>/desk/bindings/<int:pk>/reject/",
        binding_requests.reject,
        name="reject_binding",
    ),
    path("c/<slug:community>/desk/parties/<int:pk>/reveal/", privacy.reveal, name="reveal"),
    path("c/<slug:community>/desk/jobs/<int:pk>/", jobs.job, name="job"),
    path("c/<slug:community>/desk/jobs/<int:pk>/file/", jobs.job_file, name="job_file"),
    path("c/<slug:community>/manager/people/", staff.people, name="staff"),
    path("c/<slug:community>/manager/people/<int:pk>/", staff.member, name="staff_member"),
    path("c/<slug:community>/manager/about/", staff.settings, name="settings"),
    path("c/<slug:community>/manager/access-log/", privacy.access_log, name="access_log"),
]

from django.urls import path

from notices.views import bulletin, callbacks, campaigns, doors, resident

app_name = "notices"
urlpatterns = [
    # Residents
    path("notices/", resident.notices, name="notices"),
    path("notices/<int:pk>/", resident.notice, name="notice"),
    # Everybody
    path("c/<slug:community>/bulletin/", bulletin.bulletins, name="bulletins"),
    path("c/<slug:community>/bulletin/<int:pk>/", bulletin.bulletin, name="bulletin"),
    # The front desk
    path("c/<slug:community>/desk/posters/<int:pk>.pdf", bulletin.poster, name="poster"),
    path("c/<slug:community>/desk/door-notices/", doors.campaigns, name="door_campaigns"),
    path("c/<slug:community>/desk/door-notices/<int:pk>/", doors.walk, name="door_walk"),
    path("c/<slug:community>/desk/door-notices/<int:pk>.pdf", doors.print_notices, name="door_pdf"),
    path(
        "c/<slug:community>/desk/door-notices/<int:pk>/print/",
        doors.print_many,
        name="print_doors",
    ),
    path(
        "c/<slug:community>/desk/door-notices/<int:pk>/posted/", doors.posted, name="doors_posted"
    ),
    # Whoever answers for what was sent
    path("c/<slug:community>/manager/campaigns/", campaigns.campaigns, name="campaigns"),
    path("c/<slug:community>/manager/campaigns/<int:pk>/", campaigns.campaign, name="campaign"),
    path(
        "c/<slug:community>/manager/campaigns/<int:pk>/progress/",
        campaigns.progress,
        name="campaign_progress",
    ),
    path(
        "c/<slug:community>/manager/campaigns/<int:pk>/retry/",
        campaigns.retry_campaign,
        name="retry_campaign",
    ),
    path("c/<slug:community>/manager/failed/", campaigns.failures, name="failures"),
    path("c/<slug:community>/manager/failed/<int:pk>/retry/", campaigns.retry, name="retry"),
    # Providers
    path("callbacks/sms/<str:token>/", callbacks.sms_report, name="sms_report"),
]

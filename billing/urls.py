from django.urls import path

from billing.views import arrears, resident, run_actions, runs, staff

app_name = "billing"
RUNS = "c/<slug:community>/manager/runs/"
urlpatterns = [
    path("bills/", resident.bills, name="bills"),
    path("bills/<int:pk>/", resident.bill, name="bill"),
    path("c/<slug:community>/desk/bills/<int:pk>/", staff.bill, name="desk_bill"),
    path(f"{RUNS}", runs.runs, name="runs"),
    path(f"{RUNS}preview/", run_actions.preview, name="preview_run"),
    path(f"{RUNS}settings/", run_actions.settings, name="settings"),
    path(f"{RUNS}<int:pk>/", runs.run, name="run"),
    path(f"{RUNS}<int:pk>/preview/", run_actions.preview_again, name="preview_again"),
    path(f"{RUNS}<int:pk>/accept/", run_actions.accept, name="accept_exceptions"),
    path(f"{RUNS}<int:pk>/issue/", run_actions.issue, name="issue_run"),
    path(f"{RUNS}<int:pk>/send-back/", run_actions.send_back, name="send_back"),
    path(f"{RUNS}<int:pk>/drop/", run_actions.drop, name="drop_run"),
    path(f"{RUNS}<int:pk>/close/", run_actions.close, name="close_run"),
    path(f"{RUNS}<int:pk>/reverse/", run_actions.reverse_run, name="reverse"),
    path(f"{RUNS}<int:pk>/corrections/", run_actions.correct, name="corrections"),
    path("c/<slug:community>/manager/arrears/", arrears.arrears, name="arrears"),
    path(
        "c/<slug:community>/manager/arrears.xlsx",
        arrears.arrears_buildings_xlsx,
        name="arrears_xlsx",
    ),
    path(
        "c/<slug:community>/manager/arrears/accounts/",
        arrears.arrears_accounts,
        name="arrears_accounts",
    ),
    path(
        "c/<slug:community>/manager/arrears/accounts.xlsx",
        arrears.arrears_accounts_xlsx,
        name="arrears_accounts_xlsx",
    ),
]

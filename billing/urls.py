from django.urls import path

from billing import adjusting_urls
from billing.views import (
    accepting,
    arrears,
    desk_proposals,
    meter_pages,
    meters,
    proposals,
    resident,
    run_actions,
    runs,
    shared_costs,
    staff,
    tariffs,
)

app_name = "billing"
RUNS = "c/<slug:community>/manager/runs/"
TARIFFS = "c/<slug:community>/manager/tariffs/"
PROPOSALS = "c/<slug:community>/manager/proposals/"
COSTS = "c/<slug:community>/manager/shared-costs/"
METERS = "c/<slug:community>/desk/meters/"
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
    path(f"{RUNS}<int:pk>/accept/<slug:reason>/", accepting.accept_reason, name="accept_reason"),
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
    path("proposals/", proposals.proposals, name="proposals"),
    path("proposals/<int:pk>/", proposals.proposal, name="proposal"),
    path("shared-costs/<int:pk>/", shared_costs.shared_cost, name="shared_cost"),
    path(f"{TARIFFS}", tariffs.tariffs, name="tariffs"),
    path(f"{TARIFFS}new/", tariffs.tariff_new, name="tariff_new"),
    path(f"{TARIFFS}units/", tariffs.unit_codes, name="unit_codes"),
    path(f"{TARIFFS}items/<int:pk>/", tariffs.item, name="item"),
    path(f"{TARIFFS}<int:pk>/", tariffs.tariff, name="tariff"),
    path(f"{TARIFFS}<int:pk>/describe/", tariffs.tariff_describe, name="tariff_describe"),
    path(f"{TARIFFS}<int:pk>/end/", tariffs.tariff_end, name="tariff_end"),
    path(f"{TARIFFS}<int:pk>/units/", tariffs.tariff_pick, name="tariff_pick"),
    path(f"{PROPOSALS}", desk_proposals.proposals, name="desk_proposals"),
    path(f"{PROPOSALS}new/", desk_proposals.proposal_new, name="proposal_new"),
    path(f"{PROPOSALS}<int:pk>/", desk_proposals.desk_proposal, name="desk_proposal"),
    path(f"{PROPOSALS}<int:pk>/edit/", desk_proposals.proposal_edit, name="proposal_edit"),
    path(f"{PROPOSALS}<int:pk>/publish/", desk_proposals.proposal_publish, name="proposal_publish"),
    path(f"{PROPOSALS}<int:pk>/decide/", desk_proposals.proposal_decide, name="proposal_decide"),
    path(f"{PROPOSALS}comments/<int:pk>/", desk_proposals.proposal_answer, name="proposal_answer"),
    path(f"{COSTS}", shared_costs.shared_costs, name="desk_shared_costs"),
    path(f"{COSTS}<int:pk>/", shared_costs.desk_shared_cost, name="desk_shared_cost"),
    path(f"{COSTS}<int:pk>/remove/", shared_costs.shared_cost_remove, name="shared_cost_remove"),
    path(f"{METERS}", meters.meters, name="meters"),
    path(f"{METERS}items/<int:pk>/sheet/", meters.meter_sheet, name="meter_sheet"),
    path(f"{METERS}missing/", meter_pages.meters_missing, name="meters_missing"),
    path(f"{METERS}items/<int:pk>/estimate/", meter_pages.meters_estimate, name="meters_estimate"),
    path(f"{METERS}<int:pk>/", meter_pages.meter, name="meter"),
    path(f"{METERS}<int:pk>/replace/", meter_pages.meter_replace, name="meter_replace"),
    path(f"{METERS}<int:pk>/device/", meter_pages.meter_device, name="meter_device"),
    path(f"{METERS}readings/<int:pk>/remove/", meter_pages.reading_remove, name="reading_remove"),
    *adjusting_urls.urlpatterns,
]

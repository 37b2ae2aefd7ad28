"""Addresses of adjustments, late fees, offers and vacancies; part of `billing.urls`."""

from django.urls import path

from billing.views import adjusting, adjustments, late_fees, vacancies

DESK = "c/<slug:community>/desk/"
MANAGER = "c/<slug:community>/manager/"
urlpatterns = [
    path("units/<int:pk>/vacancy/", vacancies.my_vacancy, name="my_vacancy"),
    path(f"{DESK}bills/<int:pk>/adjust/", adjusting.adjust, name="adjust"),
    path(f"{DESK}units/<int:pk>/extra/", adjusting.extra_charge, name="extra_charge"),
    path(f"{DESK}units/<int:pk>/vacancy/", vacancies.desk_vacancy, name="desk_vacancy"),
    path(f"{MANAGER}adjustments/", adjustments.adjustments, name="adjustments"),
    path(f"{MANAGER}adjustments/<int:pk>/decide/", adjustments.decide, name="decide_adjustment"),
    path(
        f"{MANAGER}adjustments/<int:pk>/withdraw/",
        adjustments.withdraw,
        name="withdraw_adjustment",
    ),
    path(
        f"{MANAGER}adjustments/<int:pk>/evidence/",
        adjustments.evidence,
        name="adjustment_evidence",
    ),
    path(f"{MANAGER}vacancies/", vacancies.vacancies, name="vacancies"),
    path(f"{MANAGER}vacancies/<int:pk>/decide/", vacancies.decide, name="decide_vacancy"),
    path(f"{MANAGER}vacancies/<int:pk>/evidence/", vacancies.evidence, name="vacancy_evidence"),
    path(f"{MANAGER}late-fees/", late_fees.policies, name="late_fees"),
    path(f"{MANAGER}offers/", late_fees.offers, name="offers"),
    path(f"{MANAGER}offers/<int:pk>/decide/", late_fees.decide_offer, name="decide_offer"),
]

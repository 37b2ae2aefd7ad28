from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from payments import (  # noqa: F401  (they register themselves)
            books,
            books_of_refunds,
            books_of_settlement,
            system_checks,
        )
        from payments.services.channels import reconcile_jobs  # noqa: F401  (registers its job)

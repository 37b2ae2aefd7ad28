from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import books  # noqa: F401  (registers what verify_books checks)
        from billing.arrears import jobs  # noqa: F401  (registers its job)
        from billing.services import run_jobs  # noqa: F401  (registers its jobs)

from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from billing import books, books_of_adjustments  # noqa: F401  (what verify_books checks)
        from billing.arrears import jobs  # noqa: F401  (registers its job)
        from billing.services.runs import late_facts
        from community.services.imports import announce_after_imports

        announce_after_imports(late_facts.announcements)
        from billing.services.runs import run_jobs  # noqa: F401  (so do these)

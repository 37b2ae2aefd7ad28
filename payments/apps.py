from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "payments"

    def ready(self) -> None:
        from payments import books, books_of_refunds, system_checks  # noqa: F401  (they register themselves)

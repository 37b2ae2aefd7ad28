from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "notices"

    def ready(self) -> None:
        from notices import receivers, system_checks  # noqa: F401
        from notices.services import door_printing  # noqa: F401

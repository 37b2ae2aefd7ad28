from django.apps import AppConfig


class ServiceDeskConfig(AppConfig):
    name = "servicedesk"

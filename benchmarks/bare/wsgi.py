"""The portal's WSGI application with its middlewares and pages taken off, once it is set up."""

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from config.wsgi import application as portal

settings.MIDDLEWARE = []
settings.ROOT_URLCONF = "benchmarks.bare.urls"
application = WSGIHandler()
__all__ = ["application", "portal"]

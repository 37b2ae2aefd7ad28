"""One address, which inserts one row."""

import json
import uuid

from django.http import HttpRequest, HttpResponse
from django.urls import path

from payments.models import ProviderEvent


def insert(request: HttpRequest) -> HttpResponse:
    """Stores what came under a number of its own."""
    payload = json.loads(request.body)
    ProviderEvent.objects.create(provider="bare", event_id=uuid.uuid4().hex, payload=payload)
    return HttpResponse(status=204)


urlpatterns = [path("bare/", insert)]

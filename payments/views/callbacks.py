"""What payment providers tell us."""

import logging
from dataclasses import replace
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from community.access import public
from payments import providers
from payments.providers.base import Answer, NotGenuine
from payments.services.online.events import receive

logger = logging.getLogger(__name__)


@public
@csrf_exempt
@require_POST
def callback(request: HttpRequest, provider: str, merchant: str = "") -> HttpResponse:
    """Verifies, stores and answers within a second; the work is done afterwards. A forgery is only
    logged; what cannot be stored in time is refused, so that the provider tells it again. What is
    too long (DATA_UPLOAD_MAX_MEMORY_SIZE) or breaks off is refused in the provider's words as well.

    Each merchant account has an address of its own, since its keys are its own.
    """
    try:
        found = providers.get(provider, merchant)
    except KeyError:
        raise Http404 from None
    try:
        body = request.body
    except (RequestDataTooBig, UnreadablePostError) as error:
        logger.warning("callback of %s not read: %s", provider, error)
        too_long = isinstance(error, RequestDataTooBig)
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_long else HTTPStatus.BAD_REQUEST
        return _http(replace(found.refused(), status=status))
    try:
        receive(found, request.headers, body)
    except NotGenuine as error:
        logger.warning("callback of %s refused: %s", provider, error)
        return _http(found.refused())
    except OperationalError:
        logger.exception("callback of %s not stored in time", provider)
        return _http(replace(found.refused(), status=HTTPStatus.SERVICE_UNAVAILABLE))
    return _http(found.accepted())


def _http(answer: Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, content_type=answer.content_type)

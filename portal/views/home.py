"""The first page: what it is for visitors, the home for residents, the way to work for staff."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from community.access import public


@public
def home(request: HttpRequest) -> HttpResponse:
    """The portal introduces itself."""
    return render(request, "portal/landing.html")

"""Where the payer stands, read from his browser."""

import re

from django.http import HttpRequest

from payments.providers.base import Scene

PHONE = re.compile(r"Android|iPhone|iPad|HarmonyOS|Mobile", re.IGNORECASE)


def scene_of(request: HttpRequest) -> Scene:
    """A phone opens the app itself; anything else shows a code for a phone.

    The page's script tells of a narrow screen: there are phones whose browsers ask for desktop
    pages.
    """
    agent = request.headers.get("User-Agent", "")
    on_phone = PHONE.search(agent) or request.POST.get("narrow")
    return Scene.H5 if on_phone else Scene.NATIVE

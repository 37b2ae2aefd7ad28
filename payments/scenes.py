"""Where the payer stands, and which way to pay fits there.

Inside WeChat: JSAPI, and nothing else works but a code for another phone (its browser refuses
Alipay, and WeChat Pay's own H5). In the browser of a phone: H5, which opens the app. On a computer:
a code, else the provider's page.
"""

import re
from collections.abc import Collection, Iterable

from django.http import HttpRequest

from payments import providers
from payments.models import PaymentOrder
from payments.providers.base import Provider, Scene

PHONE = re.compile(r"Android|iPhone|iPad|HarmonyOS|Mobile", re.IGNORECASE)
ON_COMPUTER = (Scene.NATIVE, Scene.PAGE, Scene.H5)
ON_PHONE = (Scene.H5, Scene.NATIVE, Scene.PAGE)
IN_OWN_APP = (Scene.JSAPI, *ON_COMPUTER)


def inside(request: HttpRequest) -> str:
    """The key of the provider in whose app the page is open; '' in an ordinary browser."""
    agent = request.headers.get("User-Agent", "")
    kinds = providers.all_providers().items()
    return next((key for key, kind in kinds if kind.app_agent and kind.app_agent in agent), "")


def scene_of(request: HttpRequest, provider: str) -> Scene:
    """The best scene for this browser with the provider (its key), or the code that was asked for.

    The page's script tells of a narrow screen: there are phones whose browsers ask for desktop
    pages.
    """
    scenes = providers.all_providers()[provider].scenes
    if request.POST.get("scene") == Scene.NATIVE:
        return best_scene(scenes)
    app = inside(request)
    if app:
        return best_scene(scenes, IN_OWN_APP if app == provider else ON_COMPUTER)
    agent = request.headers.get("User-Agent", "")
    on_phone = PHONE.search(agent) or request.POST.get("narrow")
    return best_scene(scenes, ON_PHONE if on_phone else ON_COMPUTER)


def best_scene(scenes: Collection[Scene], wanted: Iterable[Scene] = ON_COMPUTER) -> Scene:
    """The first that is wanted of the scenes that there are."""
    return next(scene for scene in wanted if scene in scenes)


def app_scene(request: HttpRequest, order: PaymentOrder) -> Scene | None:
    """How this browser comes from an order's code to the provider's app; None: not at all."""
    provider, app = providers.made(order), inside(request)
    wanted = Scene.JSAPI if app == order.provider else Scene.H5
    return wanted if wanted in provider.open_scenes and app in ("", order.provider) else None


def works_inside(provider: Provider, app: str) -> bool:
    """Whether a page inside the app (a provider's key) can have its person pay."""
    return provider.key == app and Scene.JSAPI in provider.open_scenes

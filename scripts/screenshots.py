"""The pictures of the README, taken of the running demo: python -m scripts.screenshots.

scripts/run has to be up, with the demo in it. One picture for each role, in few colours, so that
the repository stays small.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from scripts.services import PROJECT, Instance
from scripts.stack import Stack

FOLDER = PROJECT / "docs" / "screenshots"
COLOURS = 256
PHONE = {"width": 390, "height": 844}
SCREEN = {"width": 1366, "height": 800}


@dataclass(frozen=True)
class Picture:
    """What is shown: a page of the demo, as somebody sees it, on a phone or a screen."""

    name: str
    path: str
    user: dict[str, str] | None
    size: dict[str, int]


PICTURES = (
    Picture("public", "/c/yunqi-demo/bulletin/", None, SCREEN),
    Picture("resident", "/", {"phone": "13800000001"}, PHONE),
    Picture("desk", "/c/yunqi-demo/desk/?q=1-1-301", {"username": "clerk"}, SCREEN),
    Picture("manager", "/c/yunqi-demo/manager/", {"username": "manager"}, SCREEN),
)


@contextmanager
def _page(browser: Browser, picture: Picture, address: str) -> Iterator[Page]:
    """A browser in which the picture's user is signed in."""
    from django.conf import settings
    from django.test import Client

    from community.models import User

    context = browser.new_context(
        base_url=address,
        viewport=picture.size,  # type: ignore[arg-type]
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
        color_scheme="light",
    )
    if picture.user:
        client = Client()
        user = User.objects.get(**picture.user)
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
        name = settings.SESSION_COOKIE_NAME
        context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])
    yield context.new_page()
    context.close()


def _save(picture: Picture, png: bytes) -> None:
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image = image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    image.save(FOLDER / f"{picture.name}.png", optimize=True)


def main() -> int:
    """Take every picture; 1 when the portal is not up."""
    stack = Stack(Instance())
    if not stack.answers(stack.ports()):
        print("The portal is not running: scripts/run starts it.", file=sys.stderr)
        return 1
    os.environ |= stack.environment(stack.ports())
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    import django

    django.setup()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        for picture in PICTURES:
            with _page(browser, picture, stack.address("WEB_PORT")) as page:
                page.goto(picture.path)
                _save(picture, page.screenshot())
                print(FOLDER / f"{picture.name}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())

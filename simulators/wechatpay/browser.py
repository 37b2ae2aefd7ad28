"""The browser inside WeChat: a Chromium that calls itself MicroMessenger and has its bridge.

    python -m simulators.wechatpay.browser http://127.0.0.1:8000/

opens a window on it; the simulator has to run.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import BrowserContext, Route, sync_playwright

from simulators import process

USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0"
    " Chrome/126.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.50.2701"
)
BRIDGE = Path(__file__).with_name("bridge.js")
WITHIN = "/__wechat__"  # requests that the portal never sees


def make_wechat(context: BrowserContext, simulator: str) -> None:
    """Puts the bridge into every page of a context; `simulator` is its address."""

    def beside(route: Route) -> None:
        path = route.request.url.partition(WITHIN)[2]
        route.fulfill(response=route.fetch(url=simulator + path))

    context.route(f"**{WITHIN}/**", beside)
    context.add_init_script(path=BRIDGE)


def main() -> None:
    simulator = f"http://{process.host()}:{process.port('SIM_WECHATPAY_PORT', 9101)}"
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(headless=False, executable_path=chromium)
        context = browser.new_context(
            user_agent=USER_AGENT, viewport={"width": 390, "height": 844}, locale="zh-CN"
        )
        make_wechat(context, simulator)
        page = context.new_page()
        page.goto(sys.argv[1] if sys.argv[1:] else "http://127.0.0.1:8000/")
        page.wait_for_event("close", timeout=0)


if __name__ == "__main__":
    main()

"""A page inside WeChat: who looks at it, and what it hands WeChat so that he is asked to pay.

Web authorization (网页授权, snsapi_base: no question is asked):
https://developers.weixin.qq.com/doc/offiaccount/OA_Web_Apps/Wechat_webpage_authorization.html
Calling up the payment (JSAPI调起支付): https://pay.weixin.qq.com/doc/v3/merchant/4012791857
"""

import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import requests
from django.conf import settings

from payments.providers.base import PermanentError, TransientError

TIMEOUT = (3, 8)  # seconds to connect, to answer
BUSY = {-1, 45009, 45011}  # errcode: busy, over the limit of calls: later it may work


def authorize_url(app: str, *, return_url: str, state: str) -> str:
    """Where WeChat tells who he is, and sends him back with a code. `state`: letters and digits.

    The order of the parameters is fixed, and the fragment has to be there.
    """
    asked = {
        "appid": app,
        "redirect_uri": return_url,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": state,
    }
    return f"{settings.WECHAT_OPEN_URL}/connect/oauth2/authorize?{urlencode(asked)}#wechat_redirect"


def openid_of(app: str, secret: str, code: str) -> str:
    """The payer's openid for `app`. Raises PermanentError (code used, old, foreign; wrong secret),
    TransientError."""
    asked = {
        "appid": app,
        "secret": secret,
        "code": code,
        "grant_type": "authorization_code",
    }
    address = f"{settings.WECHAT_API_URL}/sns/oauth2/access_token"
    try:
        response = requests.get(address, params=asked, timeout=TIMEOUT)
        response.raise_for_status()
        told: Any = response.json()
    except requests.RequestException as error:
        # Its words hold the address, and the address holds the secret.
        raise TransientError(f"no openid: {type(error).__name__}") from None
    if isinstance(told, dict) and isinstance(told.get("openid"), str) and told["openid"]:
        return str(told["openid"])
    number = told.get("errcode") if isinstance(told, dict) else None
    if number is None or number in BUSY:
        raise TransientError(f"no openid: {number}")
    raise PermanentError(str(number), str(told.get("errmsg", "")))


def bridge_values(app: str, *, package: str, sign: Callable[[list[str]], str]) -> dict[str, str]:
    """The six values of getBrandWCPayRequest; `sign` is RSA with SHA-256 over lines."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    return {
        "appId": app,
        "timeStamp": stamp,
        "nonceStr": nonce,
        "package": package,
        "signType": "RSA",
        "paySign": sign([app, stamp, nonce, package]),
    }

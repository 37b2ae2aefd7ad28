"""RSA2 (SHA256withRSA) over sorted parameters, and over the raw text of an answer.

Source: 支付宝开放平台, 自行实现签名 / 自行实现验签 / 异步通知验签.
"""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from simulators import rsa
from simulators.alipay.keys import Keys
from simulators.web import Refused, Response


def signed_text(parameters: dict[str, str], *, without: tuple[str, ...] = ("sign",)) -> bytes:
    """What a signature covers: sorted by name, empty values left out, decoded, joined by &."""
    chosen = {name: value for name, value in parameters.items() if value and name not in without}
    return "&".join(f"{name}={chosen[name]}" for name in sorted(chosen)).encode()


def verify_request(keys: Keys, parameters: dict[str, str]) -> None:
    """Check the merchant's signature. Raises Refused (isv.…), which is an answer like any other."""
    if parameters.get("sign_type") != "RSA2":
        raise Refused(40002, "isv.invalid-signature-type", "无效的签名类型")
    if not parameters.get("sign"):
        raise Refused(40001, "isv.missing-signature", "缺少签名参数")
    if not rsa.is_signed(keys.merchant, signed_text(parameters), parameters["sign"]):
        why = "验签出错，请确认charset参数、秘钥配置、待签名字符串是否正确"
        raise Refused(40002, "isv.invalid-signature", why)


def answer(keys: Keys, method: str, content: dict[str, Any], *, signed: bool = True) -> Response:
    """An answer of the gateway: the signature covers the content exactly as it is written."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    name = f"{method.replace('.', '_')}_response"
    body = f'"{name}":{text}'
    if signed:
        body += f',"sign":"{rsa.sign(keys.platform, text.encode())}"'
    return Response(200, f"{{{body}}}".encode(), "text/html;charset=utf-8")


def seal(
    keys: Keys,
    parameters: dict[str, str],
    *,
    without: tuple[str, ...] = ("sign", "sign_type"),
    key: RSAPrivateKey | None = None,
) -> dict[str, str]:
    """Parameters of a notification or a way back, with their signature; `key` only to forge one."""
    sealed = {**parameters, "sign_type": "RSA2"}
    return {**sealed, "sign": rsa.sign(key or keys.platform, signed_text(sealed, without=without))}

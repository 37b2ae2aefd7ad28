"""WECHATPAY2-SHA256-RSA2048: verify the merchant's requests, sign answers and notifications.

Source: 微信支付 APIv3, 签名生成 / 签名验证 / 证书和回调报文解密.
"""

import base64
import re
import secrets
import time

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from simulators import rsa
from simulators.merchants import Merchants
from simulators.web import Refused
from simulators.wechatpay.keys import Keys, PlatformKey

SCHEME = "WECHATPAY2-SHA256-RSA2048"
OLDEST_REQUEST = 300  # seconds


def merchant_of(merchants: Merchants[Keys], authorization: str) -> Keys:
    """Who says to have signed a request. Raises Refused (401 SIGN_ERROR)."""
    mchid = re.search(r'mchid="([^"]*)"', authorization)
    keys = merchants.find(mchid[1]) if mchid else merchants.first
    if keys is None:
        raise Refused(401, "SIGN_ERROR", "商户号不存在")
    return keys


def verify_request(
    keys: Keys, *, method: str, target: str, authorization: str, body: bytes
) -> None:
    """Check the merchant's signature over one request. Raises Refused (401 SIGN_ERROR)."""
    scheme, _, rest = authorization.partition(" ")
    fields = dict(re.findall(r'(\w+)="([^"]*)"', rest))
    if scheme != SCHEME or not {"mchid", "nonce_str", "timestamp", "signature"} <= fields.keys():
        raise Refused(401, "SIGN_ERROR", "Http头Authorization值格式错误，请检查Http头Authorization")
    certificate = keys.certificates.get(fields.get("serial_no", ""))
    if certificate is None:
        raise Refused(401, "SIGN_ERROR", "商户证书序列号有误")
    timestamp = fields["timestamp"]
    if not timestamp.isdigit() or abs(time.time() - int(timestamp)) > OLDEST_REQUEST:
        why = "Http头Authorization中的timestamp与发起请求的时间不得超过5分钟"
        raise Refused(401, "SIGN_ERROR", why)
    head = f"{method}\n{target}\n{timestamp}\n{fields['nonce_str']}\n"
    if not rsa.is_signed(certificate, head.encode() + body + b"\n", fields["signature"]):
        raise Refused(401, "SIGN_ERROR", "错误的签名，验签失败")


def signed_headers(
    signer: PlatformKey,
    body: bytes,
    *,
    key: RSAPrivateKey | None = None,
    timestamp: int | None = None,
) -> dict[str, str]:
    """The headers of an answer or notification; `key` and `timestamp` only to forge one."""
    moment = str(timestamp if timestamp is not None else int(time.time()))
    nonce = secrets.token_hex(16)
    message = f"{moment}\n{nonce}\n".encode() + body + b"\n"
    return {
        "Wechatpay-Timestamp": moment,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Serial": signer.id,
        "Wechatpay-Signature": rsa.sign(key or signer.key, message),
        "Wechatpay-Signature-Type": SCHEME,
    }


def encrypt(apiv3_key: str, plain: bytes, *, associated_data: str) -> dict[str, str]:
    """The encrypted part of a notification's resource (AEAD_AES_256_GCM, 12-byte nonce)."""
    nonce = secrets.token_urlsafe(9)
    sealed = AESGCM(apiv3_key.encode()).encrypt(nonce.encode(), plain, associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(sealed).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }

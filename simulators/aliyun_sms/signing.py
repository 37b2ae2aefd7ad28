"""ACS3-HMAC-SHA256: verify a request that the official SDK signed.

Source: 阿里云 OpenAPI, V3 版本请求体 & 签名机制.
"""

import hashlib
import hmac
import re
import threading
from collections import deque
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

from simulators.aliyun_sms.account import Account
from simulators.web import Refused, Request

SCHEME = "ACS3-HMAC-SHA256"
OLDEST = 900  # seconds


class Verifier:
    """Checks signatures and that no nonce is used twice."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._nonces: deque[str] = deque(maxlen=100_000)
        self._lock = threading.Lock()

    def check(self, request: Request) -> None:
        """Raises Refused with the code that the real endpoint would answer."""
        match = re.fullmatch(
            rf"{SCHEME} Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)",
            request.header("Authorization"),
        )
        if match is None:
            raise Refused(400, "MissingAuthorization", "Authorization is missing or malformed.")
        access_key_id, signed_headers, signature = match.groups()
        if access_key_id != self.account.access_key_id:
            raise Refused(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        self._check_date(request.header("x-acs-date"))
        payload = hashlib.sha256(request.body).hexdigest()
        expected = self._signature(request, signed_headers, payload)
        if payload != request.header("x-acs-content-sha256") or not hmac.compare_digest(
            expected, signature
        ):
            why = "Specified signature is not matched with our calculation."
            raise Refused(400, "SignatureDoesNotMatch", why)
        self._check_nonce(request.header("x-acs-signature-nonce"))

    def _signature(self, request: Request, signed_headers: str, payload: str) -> str:
        names = signed_headers.split(";")
        if not {"host", "x-acs-action", "x-acs-version", "x-acs-date"} <= set(names):
            return ""
        headers = "".join(f"{name}:{request.header(name).strip()}\n" for name in names)
        canonical = "\n".join(
            [
                request.method,
                request.path,
                _canonical_query(request.target),
                headers,
                signed_headers,
                payload,
            ]
        )
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        secret = self.account.access_key_secret.encode()
        return hmac.new(secret, f"{SCHEME}\n{digest}".encode(), hashlib.sha256).hexdigest()

    def _check_date(self, text: str) -> None:
        try:
            moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError as error:
            raise Refused(400, "InvalidTimeStamp.Format", "x-acs-date is malformed.") from error
        if abs((datetime.now(UTC) - moment).total_seconds()) > OLDEST:
            raise Refused(400, "InvalidTimeStamp.Expired", "x-acs-date is out of range.")

    def _check_nonce(self, nonce: str) -> None:
        with self._lock:
            if not nonce or nonce in self._nonces:
                raise Refused(400, "SignatureNonceUsed", "Specified signature nonce was used.")
            self._nonces.append(nonce)


def _canonical_query(target: str) -> str:
    pairs = sorted(parse_qsl(urlsplit(target).query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)

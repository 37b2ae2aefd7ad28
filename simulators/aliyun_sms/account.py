"""The account: access key, signatures and templates."""

import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulators import process
from simulators.web import Refused

TEMPLATES = Path(__file__).with_name("templates.json")
VARIABLE = re.compile(r"\$\{(\w+)\}")
LONGEST_VALUE = 35  # characters of one variable, as the original allows


@dataclass(frozen=True)
class Account:
    access_key_id: str
    access_key_secret: str
    signatures: list[str]
    templates: dict[str, str]

    def environment(self, endpoint: str) -> dict[str, str]:
        """What the portal is told, as environment variables."""
        return {
            "ALIYUN_SMS_ENDPOINT": endpoint,
            "ALIYUN_SMS_PROTOCOL": "http",
            "ALIYUN_SMS_ACCESS_KEY_ID": self.access_key_id,
            "ALIYUN_SMS_ACCESS_KEY_SECRET": self.access_key_secret,
            "ALIYUN_SMS_SIGN_NAME": self.signatures[0],
        }

    def restore_templates(self) -> None:
        """Forget the templates that were added since the start."""
        self.templates.clear()
        self.templates.update(_registry()["templates"])

    def render(self, sign_name: str, template_code: str, parameters: str) -> str:
        """The text as the phone shows it. Raises Refused (200, isv.…)."""
        if sign_name not in self.signatures:
            raise Refused(200, "isv.SMS_SIGNATURE_ILLEGAL", "该账号下找不到对应签名")
        if template_code not in self.templates:
            raise Refused(200, "isv.SMS_TEMPLATE_ILLEGAL", "该账号下找不到对应模板")
        values = _values(parameters)
        template = self.templates[template_code]
        for name in VARIABLE.findall(template):
            if not values.get(name):
                raise Refused(
                    200, "isv.TEMPLATE_MISSING_PARAMETERS", f"模板变量缺少对应参数值：{name}"
                )
            if len(values[name]) > LONGEST_VALUE:
                raise Refused(200, "isv.PARAM_LENGTH_LIMIT", f"参数超过长度限制：{name}")
        return f"【{sign_name}】" + VARIABLE.sub(lambda match: values[match[1]], template)


def _values(parameters: str) -> dict[str, str]:
    try:
        values = json.loads(parameters or "{}")
    except ValueError as error:
        raise Refused(200, "isv.INVALID_JSON_PARAM", "参数格式错误，请修改为字符串值") from error
    if not isinstance(values, dict):
        raise Refused(200, "isv.INVALID_JSON_PARAM", "参数格式错误，请修改为字符串值")
    return {name: str(value) for name, value in values.items()}


def load_or_make(home: Path) -> Account:
    """The account: its access key is made at the first start and kept."""
    path = home / "access_key.json"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        key = {
            "access_key_id": f"LTAI5t{secrets.token_hex(9)}",
            "access_key_secret": secrets.token_urlsafe(22),
        }
        draft = path.with_suffix(f".{secrets.token_hex(4)}")
        process.write_private(draft, json.dumps(key))
        try:
            os.link(draft, path)  # fails if another process was first: its key counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    key = json.loads(path.read_text(encoding="utf-8"))
    return Account(**key, **_registry())


def _registry() -> Any:
    """{"signatures": […], "templates": {code: text}}"""
    path = Path(os.environ.get("SIM_SMS_TEMPLATES") or TEMPLATES)
    return json.loads(path.read_text(encoding="utf-8"))

"""Merchant accounts at payment providers, from the environment: one for all, or one a community."""

from collections.abc import Callable, Mapping

Accounts = dict[str, dict[str, str]]


def merchant_accounts(
    env: Callable[..., str], prefix: str, fields: Mapping[str, str], *, gateway: str
) -> Accounts:
    """Every merchant account at a provider, by the code of its community.

    `''` is the account of each community that has none of its own: PREFIX_MCHID and so on.
    PREFIX_ACCOUNTS lists the codes of communities that have their own: with `yunqi` in it, that
    account is PREFIX_YUNQI_MCHID and so on. All use PREFIX_GATEWAY.

    Args:
        env: gives a variable's text, or `default`.
        prefix: WECHATPAY, ALIPAY.
        fields: the variables after the prefix, with their defaults.
        gateway: the provider's real address.
    """
    codes = [code.strip() for code in env(f"{prefix}_ACCOUNTS", default="").split(",")]
    address = env(f"{prefix}_GATEWAY", default=gateway).rstrip("/")

    def account(stem: str) -> dict[str, str]:
        values = {name: env(f"{stem}_{name}", default=default) for name, default in fields.items()}
        return {"GATEWAY": address, **values}

    found = {"": account(prefix)}
    found |= {code: account(f"{prefix}_{variable(code)}") for code in codes if code}
    return found


def variable(code: str) -> str:
    """A community's code as a part of a variable's name: yun-qi → YUN_QI."""
    return code.upper().replace("-", "_")

"""Merchant accounts from the environment: one for all, or one a community."""

from config.merchants import merchant_accounts

FIELDS = {"MCHID": "", "KEY": ""}


def read(**variables):
    return merchant_accounts(
        lambda name, default="": variables.get(name, default),
        "PAY",
        FIELDS,
        gateway="https://real.example",
    )


def test_one_account_for_all():
    assert read(PAY_MCHID="1", PAY_KEY="k") == {
        "": {"GATEWAY": "https://real.example", "MCHID": "1", "KEY": "k"}
    }


def test_communities_with_accounts_of_their_own_share_nothing_but_the_gateway():
    found = read(
        PAY_GATEWAY="http://127.0.0.1:9/",
        PAY_MCHID="1",
        PAY_ACCOUNTS="yun-qi, b",
        PAY_YUN_QI_MCHID="2",
    )
    assert found["yun-qi"] == {"GATEWAY": "http://127.0.0.1:9", "MCHID": "2", "KEY": ""}
    assert found["b"]["MCHID"] == ""
    assert found[""]["MCHID"] == "1"

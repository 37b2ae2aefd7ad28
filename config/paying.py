"""Settings of payment providers and of our merchant accounts at them."""

from datetime import timedelta
from decimal import Decimal

from config.environment import env, refuse_simulator, whole_number
from config.merchants import merchant_accounts

PAYMENT_PROVIDERS = [
    "payments.providers.wechatpay.WeChatPayProvider",
    "payments.providers.alipay.AlipayProvider",
]
# What the contract says that a provider keeps (手续费), for reconciliation: wechatpay=0.006, and
# for one merchant account wechatpay:yunqi=0.002.
PAYMENT_FEE_RATES = {
    name: Decimal(rate)
    for name, rate in {
        "wechatpay": "0.006",
        "alipay": "0.006",
        **env.dict("PAYMENT_FEE_RATES", default={}),
    }.items()
}
# A day's money that has not come to the bank so many working days after it is called late.
PAYOUT_LATE_AFTER = env.int("PAYOUT_LATE_AFTER", default=3)
# How long an online order may be paid. WeChat's and Alipay's codes live two hours at most.
ORDER_LIFE = timedelta(minutes=whole_number("ORDER_LIFE_MINUTES", default=30, least=1, most=120))
# A provider without a merchant account is not offered. `python -m simulators.wechatpay --env` and
# `python -m simulators.alipay --env` print these variables for the simulators. While keys are being
# changed, they take two values, the new one first (docs/production.md).
WECHATPAY = merchant_accounts(
    env,
    "WECHATPAY",
    {
        "MCHID": "",
        "APPID": "",
        "SERIAL_NO": "",
        "PRIVATE_KEY_FILE": "",
        "APIV3_KEY": "",
        "PUBLIC_KEY_FILE": "",
        "PUBLIC_KEY_ID": "",
        # Of the official account APPID. With it people pay inside WeChat; without, by a code.
        "APP_SECRET": "",
    },
    gateway="https://api.mch.weixin.qq.com",
)
# How a page inside WeChat learns who looks at it: his browser goes to the first address, we to
# the second.
WECHAT_OPEN_URL = env("WECHAT_OPEN_URL", default="https://open.weixin.qq.com").rstrip("/")
WECHAT_API_URL = env("WECHAT_API_URL", default="https://api.weixin.qq.com").rstrip("/")
refuse_simulator("WECHATPAY_GATEWAY", WECHATPAY[""]["GATEWAY"])
refuse_simulator("WECHAT_OPEN_URL", WECHAT_OPEN_URL)
refuse_simulator("WECHAT_API_URL", WECHAT_API_URL)
ALIPAY = merchant_accounts(
    env,
    "ALIPAY",
    {"APP_ID": "", "SELLER_ID": "", "PRIVATE_KEY_FILE": "", "PUBLIC_KEY_FILE": ""},
    gateway="https://openapi.alipay.com/gateway.do",
)
refuse_simulator("ALIPAY_GATEWAY", ALIPAY[""]["GATEWAY"])

"""Genuine callbacks of both providers, and every way to spoil one of them.

A mutation gets dice and returns headers and body; None when it changed nothing that counts.
"""

import base64
import datetime
import json
import time
from functools import partial
from urllib.parse import parse_qsl, urlencode

from simulators.alipay import keys as alipay_keys
from simulators.alipay import notifications as alipay_notifications
from simulators.wechatpay import keys as wechatpay_keys
from simulators.wechatpay import notifications, signing

OLD = 301  # seconds


def flipped(dice, text):
    """`text` with one character changed."""
    place = dice.randrange(len(text))
    other = dice.choice([one for one in "0123456789abcdefXYZ+/=" if one != text[place]])
    return text[:place] + other + text[place + 1 :]


def respelt(one, other):
    """Whether two base64 texts, or what is left of them, are the same bytes: no mutation at all."""
    try:
        return base64.b64decode(one) == base64.b64decode(other)
    except ValueError:
        return False


class WeChat:
    """Genuine callbacks of an order at WeChat Pay, and ways to spoil them."""

    key = "wechatpay"

    def __init__(self, home, order):
        self.keys = wechatpay_keys.load_or_make(home)
        self.foreign = wechatpay_keys.load_or_make(home / "foreign")
        self.order = {
            "out_trade_no": order.out_trade_no,
            "transaction_id": "4200001",
            "state": "SUCCESS",
            "trade_type": "NATIVE",
            "attach": "",
            "openid": "o" * 28,
            "total": int(order.amount * 100),
            "paid_at": time.time(),
        }
        self.genuine = self.sealed(self.plain())
        self.old = self.sealed(self.plain(), timestamp=int(time.time()) - OLD)
        # Genuine ones of another order, another amount: stored, never settled. And for others.
        self.signed = {
            "another amount": self.forge("wrong_amount", total=1),
            "another order": self.forge("unknown_order"),
        }
        self.for_others = [self.forge("wrong_merchant"), self.forge("wrong_app")]

    def configure(self, settings):
        account = self.keys.account("http://127.0.0.1:9")
        names = settings.WECHATPAY[""]
        settings.WECHATPAY = {"": {name: account[f"WECHATPAY_{name}"] for name in names}}

    def plain(self):
        return notifications.for_payment(self.keys, self.order)

    def sealed(self, body, **how):
        return notifications._headers(signing.signed_headers(self.keys.current, body, **how)), body

    def forge(self, fault, **options):
        return notifications.Forgery(self.keys, self.order, options).message(fault)

    def mutations(self):
        return {
            "a byte of the body": self.byte,
            "a bit of the signature": partial(self.header, "Wechatpay-Signature"),
            "the timestamp": partial(self.header, "Wechatpay-Timestamp"),
            "the nonce": partial(self.header, "Wechatpay-Nonce"),
            "the serial number": partial(self.header, "Wechatpay-Serial"),
            "a header less": self.headless,
            "another kind of signature": self.kind,
            "the signature of another": self.swapped,
            "a later time for an old one": self.fresh_stamp,
            "replayed after five minutes": lambda dice: self.old,
            "ciphertext": partial(self.resource, "ciphertext"),
            "associated data": partial(self.resource, "associated_data"),
            "the resource's nonce": partial(self.resource, "nonce"),
            "signed with a foreign key": self.foreign_key,
            "another merchant's account": self.foreign_account,
            "a probe": self.probe,
            "a shorter body": self.cut,
        }

    def byte(self, dice):
        headers, body = self.genuine
        wrong = bytearray(body)
        wrong[dice.randrange(len(wrong))] ^= dice.randrange(1, 256)
        return headers, bytes(wrong)

    def header(self, name, dice):
        headers, body = self.genuine
        wrong = flipped(dice, headers[name])
        if name == "Wechatpay-Signature" and respelt(wrong, headers[name]):
            return None
        return headers | {name: wrong}, body

    def headless(self, dice):
        headers, body = self.genuine
        name = dice.choice([name for name in headers if name.startswith("Wechatpay")])
        return {key: value for key, value in headers.items() if key != name}, body

    def kind(self, dice):
        headers, body = self.genuine
        other = dice.choice(["", "WECHATPAY2-SM2-WITH-SM3", "NONE", flipped(dice, "WECHATPAY2")])
        return headers | {"Wechatpay-Signature-Type": other}, body

    def swapped(self, dice):
        """Headers that the provider signed for another body."""
        headers, _body = dice.choice(list(self.signed.values()))
        return headers, self.genuine[1]

    def fresh_stamp(self, dice):
        headers, body = self.old
        return headers | {"Wechatpay-Timestamp": str(int(time.time()) - dice.randrange(300))}, body

    def resource(self, field, dice):
        """Encrypted content changed, and the body not signed again."""
        headers, body = self.genuine
        content = json.loads(body)
        content["resource"][field] = flipped(dice, content["resource"][field])
        return headers, json.dumps(content, ensure_ascii=False).encode()

    def foreign_key(self, dice):
        """Everything right, another amount even, but signed by somebody else under our serial."""
        return self.sealed(self.genuine[1], key=self.foreign.platform)

    def foreign_account(self, dice):
        """Genuine for the neighbours: their provider's key, or our key and their APIv3 secret."""
        theirs = notifications.for_payment(self.foreign, self.order)
        if dice.random() < 0.5:
            return notifications.sealed(self.foreign, theirs)
        return self.sealed(theirs)

    def probe(self, dice):
        headers, body = self.genuine
        wrong = f"WECHATPAY/SIGNTEST/{headers['Wechatpay-Signature']}"
        return headers | {"Wechatpay-Signature": wrong}, body

    def cut(self, dice):
        headers, body = self.genuine
        return headers, body[: dice.randrange(len(body))]


class Ali:
    """The same for Alipay: the form's parameters are all there is."""

    key = "alipay"

    def __init__(self, home, order):
        self.keys = alipay_keys.load_or_make(home)
        self.foreign = alipay_keys.load_or_make(home / "foreign")
        now = time.time()
        self.trade = {
            "out_trade_no": order.out_trade_no,
            "trade_no": "2026010522001",
            "buyer_id": "2088000000000000",
            "subject": "fee",
            "total": int(order.amount * 100),
            "created_at": now,
            "paid_at": now,
            "state": "TRADE_SUCCESS",
        }
        self.parameters = alipay_notifications.for_payment(self.keys, self.trade)
        self.genuine = alipay_notifications.sealed(self.keys, self.parameters)
        self.old = self.forge("late", age=OLD)
        self.signed = {
            "another amount": self.forge("wrong_amount", total=1),
            "another order": self.forge("unknown_order"),
        }
        self.for_others = [self.forge("wrong_merchant"), self.forge("wrong_app")]

    def configure(self, settings):
        account = self.keys.account("http://127.0.0.1:9")
        names = settings.ALIPAY[""]
        settings.ALIPAY = {"": {name: account[f"ALIPAY_{name}"] for name in names}}

    def forge(self, fault, **options):
        forgery = alipay_notifications.Forgery(self.keys, self.trade, options)
        return getattr(forgery, fault)()

    def mutations(self):
        return {
            "a byte of the body": self.byte,
            "a parameter": self.parameter,
            "a parameter less": self.dropped,
            "a parameter twice": self.doubled,
            "a parameter more": self.added,
            "a parameter inside another": self.smuggled,
            "two values exchanged": self.exchanged,
            "a bit of the signature": self.signature,
            "another kind of signature": self.kind,
            "the signature of another": self.swapped,
            "a later time for an old one": self.fresh_stamp,
            "replayed after five minutes": lambda dice: self.old,
            "signed with a foreign key": self.foreign_key,
            "another merchant's account": self.foreign_account,
            "another charset": self.charset,
            "a shorter body": self.cut,
        }

    def told(self, message=None):
        return dict(parse_qsl((message or self.genuine)[1].decode(), keep_blank_values=True))

    def form(self, parameters):
        return self.genuine[0], urlencode(parameters).encode()

    def name(self, dice):
        return dice.choice([name for name in self.told() if name not in ("sign", "sign_type")])

    def byte(self, dice):
        wrong = bytearray(self.genuine[1])
        wrong[dice.randrange(len(wrong))] ^= dice.randrange(1, 256)
        spelt = parse_qsl(wrong.decode("latin-1"), keep_blank_values=True)
        return None if dict(spelt) == self.told() else (self.genuine[0], bytes(wrong))

    def parameter(self, dice):
        name = self.name(dice)
        return self.form(self.told() | {name: flipped(dice, self.told()[name])})

    def dropped(self, dice):
        told = self.told()
        del told[dice.choice(list(told))]
        return self.form(told)

    def doubled(self, dice):
        pairs = list(self.told().items())
        name, value = dice.choice(pairs)
        pairs.insert(dice.randrange(len(pairs)), (name, dice.choice([value, "0.01"])))
        return self.form(pairs)

    def added(self, dice):
        return self.form(self.told() | {f"extra{dice.randrange(99)}": "1"})

    def smuggled(self, dice):
        told = self.told()
        names = sorted(name for name in told if name not in ("sign", "sign_type"))
        place = dice.randrange(len(names) - 1)
        told[names[place]] += f"&{names[place + 1]}={told.pop(names[place + 1])}"
        return self.form(told)

    def exchanged(self, dice):
        told = self.told()
        one, other = self.name(dice), self.name(dice)
        if told[one] == told[other]:
            return None
        told[one], told[other] = told[other], told[one]
        return self.form(told)

    def signature(self, dice):
        told = self.told()
        return self.form(told | {"sign": flipped(dice, told["sign"])})

    def kind(self, dice):
        return self.form(self.told() | {"sign_type": dice.choice(["RSA", "", "rsa2", "MD5"])})

    def swapped(self, dice):
        other = self.told(dice.choice(list(self.signed.values())))
        return self.form(self.told() | {"sign": other["sign"]})

    def fresh_stamp(self, dice):
        moment = time.time() - dice.randrange(300)
        stamp = datetime.datetime.fromtimestamp(moment, datetime.UTC) + datetime.timedelta(hours=8)
        return self.form(self.told(self.old) | {"notify_time": f"{stamp:%Y-%m-%d %H:%M:%S}"})

    def foreign_key(self, dice):
        return alipay_notifications.sealed(self.keys, self.parameters, key=self.foreign.platform)

    def foreign_account(self, dice):
        theirs = alipay_notifications.for_payment(self.foreign, self.trade)
        return alipay_notifications.sealed(self.foreign, theirs)

    def charset(self, dice):
        return self.form(self.told() | {"charset": dice.choice(["gbk", "GBK", "utf-16", ""])})

    def cut(self, dice):
        return self.genuine[0], self.genuine[1][: dice.randrange(len(self.genuine[1]))]

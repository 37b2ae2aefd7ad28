"""A text without a sound translation is named."""

import io

from babel.messages.pofile import read_po

from scripts.check_messages import problems

COLLECTED = """
msgid "Pay"
msgstr ""

msgid "Bill"
msgstr ""

msgid "Unit"
msgstr ""

msgid "%d bill"
msgid_plural "%d bills"
msgstr[0] ""
"""


def catalog(text: str):
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
    return read_po(io.BytesIO((header + text).encode()), locale="zh_Hans")


def test_every_kind_of_gap_is_named():
    committed = catalog(
        """
msgid "Pay"
msgstr ""

#, fuzzy
msgid "Bill"
msgstr "账单"

msgid "Gone"
msgstr "没有了"

msgid "%d bill"
msgid_plural "%d bills"
msgstr[0] ""
"""
    )
    assert problems(committed, catalog(COLLECTED)) == [
        "fuzzy: 'Bill'",
        "untranslated: 'Pay'",
        "not in the catalog: 'Unit'",
        "untranslated: ('%d bill', '%d bills')",
        "no longer used: 'Gone'",
    ]


def test_a_complete_catalog_passes():
    committed = catalog(
        """
msgid "Pay"
msgstr "缴费"

msgid "Bill"
msgstr "账单"

msgid "Unit"
msgstr "房屋"

msgid "%d bill"
msgid_plural "%d bills"
msgstr[0] "%d 份账单"
"""
    )
    assert problems(committed, catalog(COLLECTED)) == []

"""Account statements (银行流水) as banks export them: one small class for each bank's file.

To add a bank, write a class after `base.BankProfile` and name it here. The file's own headers tell
whose it is; nothing is guessed from its name.
"""

from payments.banks.base import BankProfile, Entry, StatementFile
from payments.banks.boc import BOC
from payments.banks.ccb import CCB
from payments.banks.cmb import CMB
from payments.banks.icbc import ICBC
from payments.banks.reading import AUTO, read_statement

PROFILES: dict[str, BankProfile] = {
    profile.key: profile for profile in (CCB(), ICBC(), BOC(), CMB())
}

__all__ = ["AUTO", "PROFILES", "BankProfile", "Entry", "StatementFile", "read_statement"]

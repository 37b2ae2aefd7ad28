"""Sign-in and the pages of the community room."""

from tests.access.rows import Row
from tests.access.world import Visitor

RESIDENTS = (Visitor.OWNER, Visitor.NEIGHBOUR, Visitor.UNBOUND, Visitor.FOREIGN_OWNER)
# Pages about passwords do not exist for people who have none.
NO_PASSWORD: dict[Visitor, int | str] = dict.fromkeys(RESIDENTS, 404)
# ... nor does a second factor that was never set up.
NO_SECOND_FACTOR: dict[Visitor, int | str] = {
    visitor: 404 for visitor in Visitor if visitor is not Visitor.ANONYMOUS
}

ROWS = [
    Row("account_login"),
    Row("account_logout", post=True),
    Row("account_inactive"),
    Row("account_reauthenticate", expect=NO_PASSWORD),
    Row("account_change_password", expect=NO_PASSWORD),
    Row("mfa_index", expect=NO_PASSWORD),
    Row("mfa_authenticate"),
    Row("mfa_reauthenticate", expect=NO_PASSWORD),
    Row("mfa_activate_totp", expect=NO_PASSWORD),
    Row("mfa_deactivate_totp", expect=NO_SECOND_FACTOR),
    Row("mfa_view_recovery_codes", expect=NO_SECOND_FACTOR),
    Row("mfa_generate_recovery_codes", expect=NO_PASSWORD),
    Row("mfa_download_recovery_codes", expect=NO_SECOND_FACTOR),
]

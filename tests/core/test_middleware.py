import pytest
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/?q=%00", "/c/%00/desk/", "/c/a%00b/desk/?page=2"])
def test_a_nul_in_the_address_is_refused(client: Client, address: str) -> None:
    assert client.get(address).status_code == 400

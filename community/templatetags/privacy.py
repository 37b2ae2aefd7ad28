"""`{{ party.name|masked_name }}` and `{{ party.phone|masked_phone }}`."""

from django import template

from community.privacy import masked_name, masked_phone

register = template.Library()
register.filter("masked_name", masked_name)
register.filter("masked_phone", masked_phone)

"""Masks: `masked_name`, `masked_phone` and `masked_email` as filters."""

from django import template

from community.privacy import masked_email, masked_name, masked_phone

register = template.Library()
register.filter("masked_name", masked_name)
register.filter("masked_phone", masked_phone)
register.filter("masked_email", masked_email)

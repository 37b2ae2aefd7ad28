"""The running stack serves its first page to a real browser, and nothing on it fails."""

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e


def test_the_first_page_opens_without_a_complaint(clean_page: Page):
    answer = clean_page.goto("/")
    assert answer is not None
    assert answer.status == 200
    expect(clean_page.locator("h1")).to_be_visible()

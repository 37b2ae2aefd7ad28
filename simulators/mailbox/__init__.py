"""A mail server that keeps every message, and a page to read them."""

"""What every test may count on. Tests run in random order (pytest-randomly)."""

"""Money that comes in: at the desk, as a deposit, ahead; what records it, and its receipt."""

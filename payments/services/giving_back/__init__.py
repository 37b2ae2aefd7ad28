"""Money that goes back: refunds with their vouchers, and who moves out."""

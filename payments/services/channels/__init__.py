"""A channel's days and pay-outs beside our books: compared, settled, signed off."""

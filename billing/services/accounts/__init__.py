"""What lessens an account and what settles what: money, waivers, late fees, offers."""

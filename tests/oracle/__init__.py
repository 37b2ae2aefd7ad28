"""A second, slow way to the same bills, and random communities to hold the portal's against it."""

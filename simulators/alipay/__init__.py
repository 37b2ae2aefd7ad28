"""A stand-in for Alipay's open platform, for one merchant with one app."""

"""A stand-in for WeChat Pay, APIv3, for one merchant."""

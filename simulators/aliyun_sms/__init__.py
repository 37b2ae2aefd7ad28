"""A stand-in for Aliyun SMS (dysmsapi, version 2017-05-25)."""

"""Personal data on a screen: shown as far as the work needs it."""


def masked_name(name: str) -> str:
    """张三 as 张*, 王小明 as 王*明, a company by its first and last two characters."""
    if len(name) <= 1:
        return name
    if len(name) == 2:
        return f"{name[0]}*"
    if len(name) <= 4:
        return f"{name[0]}{'*' * (len(name) - 2)}{name[-1]}"
    return f"{name[:2]}***{name[-2:]}"


def masked_phone(phone: str) -> str:
    """13812345678 as 138****5678; a shorter number keeps only its last two digits."""
    if len(phone) < 8:
        return "*" * max(len(phone) - 2, 0) + phone[-2:]
    return f"{phone[:3]}****{phone[-4:]}"


def masked_email(email: str) -> str:
    """zhang@example.com as z****@example.com."""
    local, at, domain = email.rpartition("@")
    if not at:
        return "*" * len(email)
    return local[:1] + "*" * max(len(local) - 1, 1) + at + domain

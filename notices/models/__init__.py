from notices.models.notice import Campaign, Delivery, Notice

__all__ = ["Campaign", "Delivery", "Notice"]

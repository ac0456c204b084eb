"""The lists' rows: epochs, and how far each node has come."""

from governance.permissions.models.alarms import Alarm
from governance.permissions.models.deliveries import Acknowledgement, Delivery, ReadBack
from governance.permissions.models.epochs import Epoch, EpochFile, EpochMember, Format

__all__ = [
    "Acknowledgement",
    "Alarm",
    "Delivery",
    "Epoch",
    "EpochFile",
    "EpochMember",
    "Format",
    "ReadBack",
]

"""The lists' rows: epochs, and how far each node has come."""

from governance.permissions.models.deliveries import Acknowledgement, Delivery
from governance.permissions.models.epochs import Epoch, EpochFile, EpochMember, Format

__all__ = ["Acknowledgement", "Delivery", "Epoch", "EpochFile", "EpochMember", "Format"]

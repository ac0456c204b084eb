"""The lists' rows: epochs, and how far each node has come."""

from governance.permissions.models.alarms import Alarm
from governance.permissions.models.deliveries import Acknowledgement, Delivery, ReadBack
from governance.permissions.models.epochs import Epoch, EpochFile, EpochMember, Format
from governance.permissions.models.guarding import EpochFinding, EpochOverride, GuardPolicy
from governance.permissions.models.log import Anchor, LogEntry
from governance.permissions.models.rollouts import Rollout, RolloutPolicy, RolloutStage

__all__ = [
    "Acknowledgement",
    "Alarm",
    "Anchor",
    "Delivery",
    "Epoch",
    "EpochFile",
    "EpochFinding",
    "EpochMember",
    "EpochOverride",
    "Format",
    "GuardPolicy",
    "LogEntry",
    "ReadBack",
    "Rollout",
    "RolloutPolicy",
    "RolloutStage",
]

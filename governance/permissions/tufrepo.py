"""The signed repository, as other parts use it: made once, published to, read."""

from governance.permissions.repository.founding import certify, create
from governance.permissions.repository.repo import Repository
from governance.permissions.repository.roles import LIFETIME, ONLINE_KEYS, ROOT_KEYS, ROOT_THRESHOLD

__all__ = ["LIFETIME", "ONLINE_KEYS", "ROOT_KEYS", "ROOT_THRESHOLD", "Repository", "certify", "create"]

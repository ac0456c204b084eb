"""The authorities on the console's side: keys, rows, and what goes to a ceremony and comes back."""

from certs.authorities.creating import create
from certs.authorities.importing import OVERLAP, import_folder
from certs.authorities.plans import KeyPlan
from certs.authorities.requesting import request

__all__ = ["OVERLAP", "KeyPlan", "create", "import_folder", "request"]

"""One file from proposal to ballots to transaction to list to acknowledgements, for ``governance.verify``.

Reads what the other parts keep and asks the ledger for its own words; decides nothing and changes nothing.
"""

from governance.bundles.collecting import NotOnLedger, bundle_of
from governance.bundles.lists import Applied, applied

__all__ = ["Applied", "NotOnLedger", "applied", "bundle_of"]

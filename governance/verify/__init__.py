"""Checks a decision from proposal to effect, from one file and a ledger that the reader trusts.

Stands alone: no Django, no database, nothing of the console but the contracts' published interface. What an
auditor has to trust is the ledger (an address, or an exported range of blocks) and this package.
"""

"""Everything ever issued, checked again: certificates, serial numbers, and what is published of them.

Nothing here believes what issuing said of itself: what is stored is read anew, by today's rules and today's
knowledge of weak keys. A finding is for a person; nothing is changed.
"""

from certs.audit.running import Finding, Report, across, audit, next_slice, tell

__all__ = ["Finding", "Report", "across", "audit", "next_slice", "tell"]

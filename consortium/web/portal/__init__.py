"""The member's portal: a bank's own nodes, certificates, votes and record; the regulator's read-only view."""

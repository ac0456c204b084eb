"""Enrolment over Secure Transport (RFC 7030), on the node gateway."""

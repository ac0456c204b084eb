"""The officers' side of the lists' root: a key each, and a signature on the next root. No console needed."""

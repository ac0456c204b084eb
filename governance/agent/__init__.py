"""The agent beside a node: pulls the permission list, verifies it, puts it in force, reports.

It stands alone: TUF's client and an HTTP library, nothing of the console's.
"""

VERSION = "1.1"

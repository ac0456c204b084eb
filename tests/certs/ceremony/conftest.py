"""A ceremony needs neither database nor settings."""

from tests.certs.ceremony.table import table as table

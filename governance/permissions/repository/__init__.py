"""The signed repository that nodes read: roles, keys, what is published, how it is written."""

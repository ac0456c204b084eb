"""The root's ceremonies, apart from the console: ``python -m certs.ceremony``.

No Django, no database, no network: this runs on a machine that has none, with cryptography, argon2-cffi and
(for a root in a device) python-pkcs11 alone. Folders go to it and come back from it. Whatever the root's key
signs is written into a signed protocol before it is released.
"""

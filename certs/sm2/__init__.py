"""国密: SM2 keys and SM2-with-SM3 certificates, for ledgers that run FISCO BCOS's SM mode.

Structures are asn1crypto's; every key, signature and check is OpenSSL 3's, through :mod:`certs.sm2.library`.
Sources: GB/T 32918 (SM2), GB/T 32905 (SM3), GM/T 0009 (encodings, the default id), GM/T 0015 (certificates),
GM/T 0006 (object identifiers).
"""

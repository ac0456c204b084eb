"""Where private keys lie: in sealed files, or in a device that speaks PKCS#11. Without Django.

The ceremony machine, which has no console, uses these as they are; ``certs.keys`` puts the console's settings
and errors around them.
"""

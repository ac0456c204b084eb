"""Two RSA keys with a prime in common: the greatest common divisor of their moduli factors both.

That is how keys of machines that woke up with the same randomness fell by the thousand (Heninger et al.,
"Mining Your Ps and Qs", 2012). So each new modulus is held against the product of all that came before.
"""

from __future__ import annotations

import gmpy2


class Moduli:
    """Moduli that were seen. A check costs one division of their product: 10,000 of 2048 bits, some 10 ms."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._product = gmpy2.mpz(1)

    def add(self, modulus: int) -> None:
        """Once, however often it comes."""
        if modulus not in self._known:
            self._known.add(modulus)
            self._product *= modulus

    def share_a_prime_with(self, modulus: int) -> bool:
        """Does any other of them? The same modulus again is not meant: that is a key seen before."""
        others = self._product // modulus if modulus in self._known else self._product
        return bool(gmpy2.gcd(others % modulus, modulus) != 1)

"""Two RSA keys with a prime in common: the greatest common divisor of their moduli factors both.

That is how keys of machines that woke up with the same randomness fell by the thousand (Heninger et al.,
"Mining Your Ps and Qs", 2012). So each new modulus is held against the product of all that came before.
"""

from __future__ import annotations

from collections.abc import Iterable

import gmpy2


class Moduli:
    """Moduli that were seen. A check costs one division of their product: 10,000 of 2048 bits, some 10 ms."""

    def __init__(self) -> None:
        self._known: set[int] = set()
        self._product = gmpy2.mpz(1)

    def add(self, moduli: Iterable[int]) -> None:
        """Each once, however often it comes."""
        new = set(moduli) - self._known
        self._known |= new
        self._product *= _product(list(map(gmpy2.mpz, new)))

    def share_a_prime_with(self, modulus: int) -> bool:
        """Does any other of them? The same modulus again is not meant: that is a key seen before."""
        others = self._product // modulus if modulus in self._known else self._product
        return bool(gmpy2.gcd(others % modulus, modulus) != 1)


def _product(factors: list[gmpy2.mpz]) -> gmpy2.mpz:
    """In pairs, then pairs of those: one by one, each factor would cost as much as all before it.

    Of 10,000 moduli that is a second in place of minutes, for which the first request after a start waits.
    """
    while len(factors) > 1:
        pairs = zip(factors[::2], factors[1::2], strict=False)
        last = factors[-1:] if len(factors) % 2 else []
        factors = [one * other for one, other in pairs] + last
    return factors[0] if factors else gmpy2.mpz(1)

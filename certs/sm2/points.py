"""The curve that GB/T 32918.5 recommends for SM2, for looking at other people's public keys.

Public numbers alone: nothing here has seen, or may ever see, a private key.
"""

from __future__ import annotations

from functools import cache

P = 0xFFFFFFFE_FFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFF_00000000_FFFFFFFF_FFFFFFFF
A = P - 3
B = 0x28E9FA9E_9D9F5E34_4D5A9E4B_CF6509A7_F39789F5_15AB8F92_DDBCBD41_4D940E93
G = (
    0x32C4AE2C_1F198119_5F990446_6A39C994_8FE30BBF_F2660BE1_715A4589_334C74C7,
    0xBC3736A2_F4F6779C_59BDCEE3_6B692153_D0A9877C_C62A4740_02DF32E5_2139F0A0,
)
TINY = 4096  # private numbers up to here, and as far below the curve's order, are tried

Point = tuple[int, int]


def on_curve(point: Point) -> bool:
    """y² = x³ + ax + b, both coordinates below p. The cofactor is 1, so no smaller group is hidden in it."""
    x, y = point
    return x < P and y < P and (y * y - (x * x + A) * x - B) % P == 0


def of_tiny_number(point: Point) -> bool:
    """Could anybody find its private number by counting, up from 1 or down from the order?"""
    return point[0] in _tiny()


@cache
def _tiny() -> frozenset[int]:
    """The x of G, 2G, 3G, …; a point and its negative share theirs."""
    found, current = {G[0]}, _double(G)
    for _number in range(2, TINY + 1):
        found.add(current[0])
        current = _add(current, G)
    return frozenset(found)


def _double(point: Point) -> Point:
    x, y = point
    return _third(point, point, (3 * x * x + A) * pow(2 * y, -1, P) % P)


def _add(one: Point, other: Point) -> Point:
    """Of two points that are neither the same nor each other's negative."""
    return _third(one, other, (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P)


def _third(one: Point, other: Point, slope: int) -> Point:
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P

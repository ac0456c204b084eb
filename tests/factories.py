"""Rows that tests stand on, straight into the tables: named institutions with valid USCC, LEI and keys.

Where a test is about how a row comes to be, call the service instead.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import factory
from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth.hashers import make_password
from eth_account import Account
from eth_account.signers.local import LocalAccount
from factory.django import DjangoModelFactory
from stdnum import lei as lei_number
from stdnum.cn import uscc as uscc_number
from stdnum.iso7064 import mod_97_10

from consortium.core import clock
from consortium.members.categories import CATEGORIES
from consortium.members.models import Category, Institution, Network, Node, User
from consortium.members.states import NodeSoftware, Role, Status

PASSWORD = "correct-horse-battery-staple"  # of every account made here

PLACES = [
    ("heming", "鹤鸣"), ("qingchuan", "晴川"), ("songling", "松陵"), ("nanpu", "南浦"), ("yunting", "云汀"),
    ("ziling", "紫岭"), ("bozhou", "泊舟"), ("jinghu", "镜湖"), ("lanyu", "澜屿"), ("xikou", "溪口"),
]  # fmt: skip
PEOPLE = ["Zhou Lan", "Li Jun", "Wang Min", "Chen Ling", "Sun Hui", "Wu Rui", "Zhao Bo", "Qian Yan"]


def uscc(n: int) -> str:
    """A valid unified social credit code, another for each ``n`` below 10^9."""
    body = f"91310115{n:09d}"
    return body + uscc_number.calc_check_digit(body)


def lei(n: int) -> str:
    """A valid legal entity identifier, another for each ``n`` below 10^12."""
    body = f"549300{n:012d}"
    return lei_number.validate(body + mod_97_10.calc_check_digits(body))


def voter(n: int) -> LocalAccount:
    """The account that institution number ``n`` votes with: a key that only it would hold."""
    return Account.from_key((10**18 + n).to_bytes(32, "big"))


def node_key(n: int) -> ec.EllipticCurvePrivateKey:
    """The secp256k1 key of node number ``n``."""
    return ec.derive_private_key(10**20 + n, ec.SECP256K1())


def consensus_id(n: int) -> str:
    """The node id that belongs to :func:`node_key`: 128 lower-case hex."""
    point = node_key(n).public_key().public_numbers()
    return f"{point.x:064x}{point.y:064x}"


def _place(n: int) -> tuple[str, str]:
    """A name in both scripts and a number: without one is what a test calls an institution by name."""
    latin, chinese = PLACES[n % len(PLACES)]
    turn = 1 + n // len(PLACES)
    return f"{latin}{turn}", f"{chinese}{turn}"


class CategoryFactory(DjangoModelFactory[Category]):
    """Looks one of the six up by its code; makes it only where a test emptied the table."""

    class Meta:
        model = Category
        django_get_or_create = ("code",)

    code = "banking"
    number = factory.LazyAttribute(lambda o: {c[0]: c[1] for c in CATEGORIES}[o.code])
    name_zh = factory.LazyAttribute(lambda o: {c[0]: c[2] for c in CATEGORIES}[o.code])
    name_en = factory.LazyAttribute(lambda o: {c[0]: c[3] for c in CATEGORIES}[o.code])


class InstitutionFactory(DjangoModelFactory[Institution]):
    """An institution in review; ``active=True`` (or ``admitted``, ``applied``) for another status.

    ``category="funds"`` picks the category by code. ``voting=True`` gives it the address of ``voter(n)``,
    found again by :func:`voter_of`.
    """

    class Meta:
        model = Institution

    class Params:
        n = factory.Sequence(lambda n: n)
        voting = False
        applied = factory.Trait(status=Status.APPLIED)
        admitted = factory.Trait(status=Status.ADMITTED)
        active = factory.Trait(status=Status.ACTIVE)
        suspended = factory.Trait(status=Status.SUSPENDED)

    short_name = factory.LazyAttribute(lambda o: f"{_place(o.n)[0]}-bank")
    legal_name_zh = factory.LazyAttribute(lambda o: f"{_place(o.n)[1]}银行股份有限公司")
    legal_name_en = factory.LazyAttribute(lambda o: f"{_place(o.n)[0].capitalize()} Bank Co., Ltd.")
    category = factory.SubFactory(CategoryFactory)
    uscc = factory.LazyAttribute(lambda o: uscc(o.n))
    lei = factory.LazyAttribute(lambda o: lei(o.n))
    contact_name = factory.LazyAttribute(lambda o: PEOPLE[o.n % len(PEOPLE)])
    contact_email = factory.LazyAttribute(lambda o: f"contact@{o.short_name}.example")
    contact_phone = "+86 755 52425263"
    status = Status.IN_REVIEW
    voting_address = factory.LazyAttribute(lambda o: voter(o.n).address if o.voting else None)
    status_since = factory.LazyFunction(clock.now)
    created_at = factory.LazyFunction(clock.now)

    @classmethod
    def _create(cls, model_class: type[Institution], *args: Any, **kwargs: Any) -> Institution:
        if isinstance(kwargs.get("category"), str):
            kwargs["category"] = CategoryFactory(code=kwargs["category"])
        return super()._create(model_class, *args, **kwargs)


def voter_of(institution: Institution) -> LocalAccount:
    """The key behind a voting address that :class:`InstitutionFactory` gave."""
    account = voter(int(institution.uscc[8:17]))
    assert account.address == institution.voting_address
    return account


class UserFactory(DjangoModelFactory[User]):
    """An account with :data:`PASSWORD`: an officer of a new institution, unless told otherwise.

    ``UserFactory(secretariat=True)``, ``UserFactory(regulator=True)``, ``UserFactory(institution=bank)``.
    """

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        n = factory.Sequence(lambda n: n)
        secretariat = factory.Trait(role=Role.SECRETARIAT, institution=None, is_staff=True)
        regulator = factory.Trait(role=Role.REGULATOR, institution=None, is_staff=True)

    role = Role.MEMBER
    institution = factory.SubFactory(InstitutionFactory, active=True)
    first_name = factory.LazyAttribute(lambda o: PEOPLE[o.n % len(PEOPLE)].split()[1])
    last_name = factory.LazyAttribute(lambda o: PEOPLE[o.n % len(PEOPLE)].split()[0])
    username = factory.LazyAttribute(lambda o: f"{o.first_name}.{o.last_name}.{o.n}".lower())
    email = factory.LazyAttribute(lambda o: f"{o.username}@people.example")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        password = kwargs.pop("password", PASSWORD)
        return super()._create(model_class, *args, password=_hashed(password), **kwargs)


@cache
def _hashed(password: str) -> str:
    """Hashing is slow on purpose: once a password is enough for tests."""
    return make_password(password)


class NetworkFactory(DjangoModelFactory[Network]):
    class Meta:
        model = Network
        django_get_or_create = ("slug",)

    slug = "settlement"
    name_zh = "结算网络"
    name_en = "Settlement network"


class NodeFactory(DjangoModelFactory[Node]):
    """A node of a new active institution on the settlement network, with a real secp256k1 node id."""

    class Meta:
        model = Node

    class Params:
        n = factory.Sequence(lambda n: n)

    institution = factory.SubFactory(InstitutionFactory, active=True)
    network = factory.SubFactory(NetworkFactory)
    name = factory.LazyAttribute(lambda o: f"node-{o.n}")
    software = NodeSoftware.BESU
    software_version = "26.3.0"
    consensus_id = factory.LazyAttribute(lambda o: consensus_id(o.n))
    host = factory.LazyAttribute(lambda o: f"10.{o.n // 65536 % 256}.{o.n // 256 % 256}.{o.n % 256}")
    port = 30303
    push_url = ""
    created_at = factory.LazyFunction(clock.now)


__all__ = [
    "PASSWORD",
    "CategoryFactory",
    "InstitutionFactory",
    "NetworkFactory",
    "NodeFactory",
    "UserFactory",
    "consensus_id",
    "lei",
    "node_key",
    "uscc",
    "voter",
    "voter_of",
]

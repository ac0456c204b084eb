"""The six industry categories, as data. Names may be edited afterwards: an existing row is left as it is."""

from __future__ import annotations

from typing import Any

# code, uint8 on chain, Chinese, English
CATEGORIES = (
    ("banking", 1, "银行", "Banking"),
    ("funds", 2, "基金", "Funds"),
    ("securities", 3, "证券", "Securities"),
    ("insurance", 4, "保险", "Insurance"),
    ("equity-exchange", 5, "区域股权交易中心", "Regional equity exchanges"),
    ("technology", 6, "科技", "Technology"),
)


def ensure(**_: Any) -> None:
    """Add the categories that are missing; runs after every migration."""
    from consortium.members.models import Category

    for code, number, name_zh, name_en in CATEGORIES:
        Category.objects.get_or_create(
            code=code, defaults={"number": number, "name_zh": name_zh, "name_en": name_en}
        )

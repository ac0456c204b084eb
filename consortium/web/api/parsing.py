"""Reading request bodies: JSON only, of bounded size and depth."""

from __future__ import annotations

import json
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

# Objects and lists that a body may hold, and so how deep they nest: the parser recurses for each.
_BRACKETS = 1000


class BoundedJSONParser(JSONParser):
    """DRF's reads the stream itself, past Django's limit; this one keeps it."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise RequestDataTooBig
        if body.count(b"[") + body.count(b"{") > _BRACKETS:
            raise ParseError(_("The JSON is nested too deeply."))
        try:
            content = super().parse(BytesIO(body), media_type, parser_context)
            json.dumps(content, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError(_("The JSON is nested too deeply.")) from error
        except UnicodeEncodeError as error:  # half a surrogate pair: neither stored nor echoed
            raise ParseError(_("The JSON holds text that is no Unicode.")) from error
        return content

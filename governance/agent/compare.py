"""``python -m governance.agent.compare A B``: were two nodes given the same lists?

It needs neither the console nor a network. A and B are agents' state directories, or files out of them: the
kept checkpoint (``log.json``) or a published log (``log.json`` of the repository, and its older pages
``log/0.json`` … beside each other). Two heads of one length are equal if, and only if, every list up to there
was the same, byte by byte.

Exit code 0: the same. 1: not the same. 2: what is at hand does not tell, or can't be read.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from governance.agent import log
from governance.agent.errors import AgentError
from governance.agent.log import Checkpoint, Document, LogNotTrusted

CATALOGUES: Final = {
    "en": {
        "same": "The same: both were given the same {size} lists of {network}, up to epoch {epoch}.",
        "same_unnamed": "The same: both were given the same {size} lists of {network}.",
        "longer": "{name} was given {count} more since.",
        "different": "NOT the same: with {size} lists of {network} their heads differ.\n"
        "  {a}: {head_a}\n  {b}: {head_b}",
        "first": "The first list that differs is number {position}: {a} has epoch {epoch_a} with digest "
        "{digest_a}, {b} has epoch {epoch_b} with digest {digest_b}.",
        "somewhere": "The first list that differs is between number {after} and number {size}.",
        "unknown": "Cannot tell: {a} is known with {size_a} lists, {b} with {size_b}, and nothing at hand "
        "leads from one to the other. Give the log's older pages, or compare again when both have the "
        "same length.",
        "networks": "Cannot tell: {a} is of the network {network_a}, {b} of {network_b}.",
        "unreadable": "{name}: {reason}",
        "nothing": "no log is kept there",
        "help": "Were two nodes given the same permission lists?",
        "help_record": "an agent's state directory, or a log or checkpoint out of one",
        "help_language": "language of the answer",
    },
    "zh": {
        "same": "一致：双方收到的 {network} 前 {size} 份名单完全相同，直至第 {epoch} 期。",
        "same_unnamed": "一致：双方收到的 {network} 前 {size} 份名单完全相同。",
        "longer": "此后 {name} 又收到 {count} 份。",
        "different": "不一致：{network} 有 {size} 份名单时，双方的链头不同。\n"
        "  {a}：{head_a}\n  {b}：{head_b}",
        "first": "第一份不同的名单是第 {position} 份：{a} 为第 {epoch_a} 期，摘要 {digest_a}；"
        "{b} 为第 {epoch_b} 期，摘要 {digest_b}。",
        "somewhere": "第一份不同的名单位于第 {after} 份之后、第 {size} 份及之前。",
        "unknown": "无法判断：{a} 已知 {size_a} 份名单，{b} 已知 {size_b} 份，现有资料不能将两者衔接。"
        "请提供日志的旧页，或在双方长度相同时再比较。",
        "networks": "无法判断：{a} 属于网络 {network_a}，{b} 属于 {network_b}。",
        "unreadable": "{name}：{reason}",
        "nothing": "此处没有保存日志",
        "help": "两个节点收到的许可名单是否相同？",
        "help_record": "代理程序的状态目录，或其中的日志或检查点文件",
        "help_language": "回答所用的语言",
    },
}
SAME, DIFFERENT, UNKNOWN = 0, 1, 2


@dataclass(frozen=True)
class Record:
    """What is known of the lists that one node was given.

    ``heads`` by size, ``entries`` (epoch, digest) by number, as far as more is at hand than a head.
    """

    name: str
    checkpoint: Checkpoint
    heads: dict[int, str] = field(default_factory=dict)
    entries: dict[int, tuple[int, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """SAME, DIFFERENT or UNKNOWN; ``size``: up to which they agree, or the least at which they do not.

    ``after``: the greatest size below at which they agree; ``first``: the number of the first entry that
    differs, where both sides' entries are at hand.
    """

    answer: int
    size: int = 0
    after: int = 0
    first: int | None = None


# --- Comparing --------------------------------------------------------------------------------------------
def compare(a: Record, b: Record) -> Verdict:
    """Of two records of the same network."""
    common = sorted((a.heads.keys() & b.heads.keys()) - {0})
    apart = [size for size in common if a.heads[size] != b.heads[size]]
    agreed = max((size for size in common if a.heads[size] == b.heads[size]), default=0)
    if apart:
        listed = sorted(a.entries.keys() & b.entries.keys())
        first = next((number for number in listed if a.entries[number] != b.entries[number]), None)
        return Verdict(DIFFERENT, apart[0], agreed, first)
    if agreed == min(a.checkpoint.size, b.checkpoint.size) > 0:
        return Verdict(SAME, agreed, agreed)
    return Verdict(UNKNOWN)


def record(path: Path) -> Record:
    """What is kept at ``path``: a state directory, a checkpoint or a log. Raises LogNotTrusted, OSError."""
    if not path.is_dir():
        return _of_file(path)
    kept = log.load(path)
    documents = [log.read(each.read_bytes()) for each in sorted(path.glob("targets/*%2Flog*.json"))]
    if kept.size == 0 and not documents:
        raise LogNotTrusted("unreadable", say("nothing"))
    return together(str(path), kept, documents)


def together(name: str, kept: Checkpoint, documents: Iterable[Document]) -> Record:
    """One record of a checkpoint and parts of the log, which must not contradict each other.

    Of a checkpoint that is not there the longest part takes the place.
    """
    parts = sorted(documents, key=lambda each: each.size)
    if kept.size == 0 and parts:
        kept = Checkpoint(parts[-1].network, parts[-1].size, parts[-1].head)
    heads, entries = {kept.size: kept.head}, dict[int, tuple[int, str]]()
    for part in parts:
        found = log.heads(part)
        if part.network != kept.network or part.last != part.size or found[part.size] != part.head:
            raise LogNotTrusted("broken", f"{name}: its entries do not lead to its head")
        if any(heads.get(size, head) != head for size, head in found.items()):
            raise LogNotTrusted("forked", f"{name}: what is kept there are two different logs")
        heads |= found
        entries |= dict(enumerate(part.entries, start=part.first))
    return Record(name, kept, heads, entries)


def _of_file(path: Path) -> Record:
    data = path.read_bytes()
    if len(data) <= log.LARGEST and _is_checkpoint(data):
        return together(str(path), log.load(path.parent, path.name), [])
    document = log.read(data)
    numbers = range((document.first - 2) // log.PAGE + 1) if document.first > 1 else range(0)
    beside = [path.parent / log.page_target(number) for number in numbers]
    pages = [log.read(page.read_bytes()) for page in beside if page.is_file()]
    return together(str(path), Checkpoint(), [*pages, document])


def _is_checkpoint(data: bytes) -> bool:
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(body, dict) and set(body) == {"network", "size", "head"}


# --- Telling ----------------------------------------------------------------------------------------------
_spoken = ["en"]


def say(key: str, **values: object) -> str:
    """The sentence in the reader's language."""
    return CATALOGUES[_spoken[-1]][key].format(**values)


def told(a: Record, b: Record, verdict: Verdict) -> list[str]:
    """The verdict in sentences."""
    if verdict.answer == UNKNOWN:
        sizes = {"size_a": a.checkpoint.size, "size_b": b.checkpoint.size}
        return [say("unknown", a=a.name, b=b.name, **sizes)]
    network = a.checkpoint.network
    if verdict.answer == SAME:
        return [_same(a, b, verdict, network), *_longer(a, verdict), *_longer(b, verdict)]
    heads = {"head_a": a.heads[verdict.size], "head_b": b.heads[verdict.size]}
    lines = [say("different", size=verdict.size, network=network, a=a.name, b=b.name, **heads)]
    if verdict.first is None:
        return [*lines, say("somewhere", after=verdict.after, size=verdict.size)]
    (epoch_a, digest_a), (epoch_b, digest_b) = a.entries[verdict.first], b.entries[verdict.first]
    ours = {"a": a.name, "epoch_a": epoch_a, "digest_a": digest_a}
    return [
        *lines,
        say("first", position=verdict.first, **ours, b=b.name, epoch_b=epoch_b, digest_b=digest_b),
    ]


def _same(a: Record, b: Record, verdict: Verdict, network: str) -> str:
    known = a.entries.get(verdict.size) or b.entries.get(verdict.size)
    if known is None:
        return say("same_unnamed", size=verdict.size, network=network)
    return say("same", size=verdict.size, network=network, epoch=known[0])


def _longer(one: Record, verdict: Verdict) -> list[str]:
    count = one.checkpoint.size - verdict.size
    return [say("longer", name=one.name, count=count)] if count > 0 else []


def _language() -> str:
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--language", choices=sorted(CATALOGUES), default=_language())
    _spoken.append(first.parse_known_args(arguments)[0].language)
    try:
        parser = argparse.ArgumentParser(prog="python -m governance.agent.compare", description=say("help"))
        parser.add_argument("--language", choices=sorted(CATALOGUES), help=say("help_language"))
        parser.add_argument("records", nargs=2, type=Path, metavar="PATH", help=say("help_record"))
        return _run(parser.parse_args(arguments).records)
    finally:
        _spoken.pop()


def _run(paths: Sequence[Path]) -> int:
    records = []
    for path in paths:
        try:
            records.append(record(path))
        except (AgentError, OSError) as error:
            print(say("unreadable", name=path, reason=error), file=sys.stderr)
            return UNKNOWN
    a, b = records
    networks = {"network_a": a.checkpoint.network, "network_b": b.checkpoint.network}
    if len(set(networks.values())) > 1:
        print(say("networks", a=a.name, b=b.name, **networks), file=sys.stderr)
        return UNKNOWN
    verdict = compare(a, b)
    print("\n".join(told(a, b, verdict)))
    return verdict.answer


if __name__ == "__main__":
    sys.exit(main())

"""The format's reference read a second time, as plainly as possible and without a line of the SDK's code.

murmur3 is written out after its public description, texts are searched with `re`, addresses with `ipaddress`.
Slow and complete: the oracle for golden vectors and property tests.
"""

import ipaddress
import math
import re
from datetime import UTC, datetime, timedelta
from fractions import Fraction


def murmur3_32(data, seed):
    """MurmurHash3_x86_32 over bytes."""
    mask, value = 0xFFFFFFFF, seed
    blocks = len(data) // 4 * 4
    for start in range(0, blocks, 4):
        value ^= _mixed(int.from_bytes(data[start : start + 4], "little"))
        value = (value << 13 | value >> 19) & mask
        value = (value * 5 + 0xE6546B64) & mask
    value ^= _mixed(int.from_bytes(data[blocks:], "little"))
    value ^= len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        value = (value ^ value >> shift) * factor & mask
    return value


def _mixed(block):
    block = block * 0xCC9E2D51 & 0xFFFFFFFF
    block = (block << 15 | block >> 17) & 0xFFFFFFFF
    return block * 0x1B873593 & 0xFFFFFFFF


def unit_of(value):
    """The canonical text, or None."""
    if type(value) is int:
        value = str(value)
    if type(value) is not str or not 0 < len(value) <= 512:
        return None
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value):
        return None
    return value


def is_below(unit, salt, ppm):
    """Whether a unit's bucket lies below a share, in exact fractions of the whole range."""
    return murmur3_32(unit.encode(), salt) < math.floor(Fraction(ppm, 10**6) * 2**32)


def decide(document, key, unit, attributes):
    """(variant or None, reason) of a flag."""
    flag = document["flags"].get(key)
    if flag is None:
        return None, "FLAG_NOT_FOUND"
    attributes = attributes if isinstance(attributes, dict) else {}
    text, off = unit_of(unit), flag.get("off")
    if not flag["on"]:
        return off, "DISABLED"
    if text is not None and text in (flag.get("forced") or {}):
        return flag["forced"][text], "OVERRIDE"
    for wanted in flag.get("prerequisites") or []:
        if decide(document, wanted["flag"], unit, attributes)[0] not in wanted["variants"]:
            return off, "PREREQUISITE_FAILED"
    return _by_rules(document, flag, text, attributes)


def _is_held(document, flag, rule, text):
    for key, holdout in document["holdouts"].items():
        if key not in rule.get("holdouts", []) or holdout["unit_type"] != flag["unit_type"] or text is None:
            continue
        if is_below(text, holdout["salt"], holdout["share_ppm"]):
            return True
    return False


def _by_rules(document, flag, text, attributes):
    reason = "DEFAULT"
    for rule in flag["rules"]:
        unit = unit_of(attributes.get(rule["unit_from"])) if rule.get("unit_from") else text
        if unit is None and _draws(rule):
            reason = "UNIT_MISSING"
            continue
        if _is_held(document, flag, rule, text):
            reason = reason if reason == "UNIT_MISSING" else "HOLDOUT"
            continue
        if "layer" in rule and not _is_in_slots(document, rule["layer"], unit):
            reason = "NOT_IN_LAYER" if reason == "DEFAULT" else reason
            continue
        if "when" in rule and not holds(rule["when"], attributes, text, document["segments"]):
            continue
        if "variant" in rule:
            return rule["variant"], "TARGETING_MATCH"
        return _by_split(flag, rule["split"], unit)
    return flag.get("default"), reason


def _draws(rule):
    if "layer" in rule:
        return True
    split = rule.get("split")
    if split is None or split["coverage_ppm"] == 0:
        return False
    return split["coverage_ppm"] < 10**6 or len(split["arms"]) > 1


def _is_in_slots(document, place, unit):
    salt = document["layers"][place["key"]]["salt"]
    return any(is_below(unit, salt, high) and not is_below(unit, salt, low) for low, high in place["slots"])


def _by_split(flag, split, unit):
    coverage = split["coverage_ppm"]
    if coverage == 0 or (coverage < 10**6 and not is_below(unit, split["gate_salt"], coverage)):
        return flag.get("default"), "OUT_OF_ROLLOUT"
    if len(split["arms"]) == 1:
        return split["arms"][0][0], "SPLIT"
    total = 0
    for variant, share in split["arms"]:
        total += share
        if is_below(unit, split["arm_salt"], total):
            return variant, "SPLIT"
    raise AssertionError("arms do not add up")


def holds(condition, attributes, unit, segments):
    if "all" in condition:
        return all(holds(each, attributes, unit, segments) for each in condition["all"])
    if "any" in condition:
        return any(holds(each, attributes, unit, segments) for each in condition["any"])
    if "not" in condition:
        return not holds(condition["not"], attributes, unit, segments)
    if "segment" in condition:
        return holds(segments[condition["segment"]]["when"], attributes, unit, segments)
    name = condition["attribute"]
    found = unit if name == "$unit" else attributes.get(name)
    return operate(condition["op"], found, condition.get("value", True))


def operate(op, found, value):
    if op == "exists":
        return (found is not None) is value
    if op in ("not_equals", "not_in"):
        return _kind(found) is not None and not operate(op[4:], found, value)
    if op == "equals":
        return _kind(found) is not None and _kind(found) == _kind(value) and found == value
    if op == "in":
        return any(operate("equals", found, each) for each in value)
    if op in ("gt", "gte", "lt", "lte"):
        return _kind(found) == "number" and _compare(op, found, value)
    if not isinstance(found, str):
        return False
    values = value if isinstance(value, list) else [value]
    if op in ("starts_with", "ends_with", "contains"):
        return any(_affix(op, found, each) for each in values)
    if op == "matches":
        return len(found) <= 512 and re.search(as_re(value), found, re.ASCII | re.DOTALL) is not None
    if op.startswith("semver_"):
        return version(found) is not None and _compare(op[7:], version(found), version(value))
    if op in ("before", "after"):
        at = instant(found)
        return at is not None and _compare("lt" if op == "before" else "gt", at, instant(value))
    return any(_is_inside(found, each) for each in values)


def _kind(value):
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (int, float)) and not math.isnan(value):
        return "number"
    return None


def _compare(op, left, right):
    return {"eq": left == right, "gt": left > right, "gte": left >= right, "lt": left < right}.get(
        op, left <= right
    )


def _affix(op, text, part):
    at = text.find(part)
    if op == "contains":
        return at >= 0
    return text[: len(part)] == part if op == "starts_with" else text[-len(part) :] == part


def as_re(pattern):
    """The same pattern for `re`: there `$` also matches before a last line feed."""
    return re.sub(
        r"\\.|\[(?:\\.|[^\]\\])*\]|\$", lambda m: r"\Z" if m[0] == "$" else m[0], pattern, flags=re.S
    )


def _identifier(text):
    """Sorts numbers by size and below words."""
    return (0, int(text), "") if text.isdigit() else (1, 0, text)


def version(text):
    number = r"(0|[1-9][0-9]{0,14})"
    word = r"(?:0|[1-9][0-9]{0,14}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
    build = r"(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"
    shape = rf"v?{number}(\.{number})?(\.{number})?(-(?P<pre>{word}(\.{word})*))?{build}"
    match = re.fullmatch(shape, text)
    if match is None or len(text) > 128:
        return None
    core = [int(match[1]), int(match[3] or 0), int(match[5] or 0)]
    pre = match["pre"]
    return core, pre is None, [_identifier(part) for part in pre.split(".")] if pre else []


def instant(text):
    shape = r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)"
    match = re.fullmatch(shape, text, re.ASCII)
    if match is None:
        return None
    try:
        at = datetime(*map(int, match.groups()[:6]), tzinfo=UTC)
    except ValueError:
        return None
    zone = match[8]
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:])
        if hours > 23 or minutes > 59:
            return None
    seconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    if zone not in "Zz":
        seconds -= (hours * 3600 + minutes * 60) * (1 if zone[0] == "+" else -1)
    return seconds * 1000 + int((match[7] or "0").ljust(3, "0")[:3])


def _is_inside(text, network):
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if "%" in text:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    network = ipaddress.ip_network(network)
    address = mapped or address
    return address.version == network.version and address in network

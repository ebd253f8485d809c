"""Parts of addresses: what names a report (the first 12 characters of its SHA-256, or more), and a pair."""

from django.urls import register_converter


class Hash:
    regex = "[0-9a-f]{12,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Hash, "hash")

SHA256 = "<hash:sha256>"
"""The pattern of such a part."""

PAIR = "interactions/<slug:one>/<slug:other>"
"""Two experiments, for pages and API alike."""

"""The text of a key: recognisable, random, comparable without storing it."""

import hashlib
import hmac

import pytest

from flags import keys

SITE = "site-secret-" * 6


@pytest.mark.parametrize("scope", keys.SCOPES)
def test_mint__any_scope__prefix_reads_back(scope):
    minted = keys.mint(scope)

    assert keys.prefix_of(minted.secret) == minted.prefix
    assert minted.secret.startswith(f"hw_{scope}_{minted.prefix}_")


def test_mint__many__all_different():
    assert len({keys.mint("server").secret for _ in range(500)}) == 500


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hw_server_",
        "hw_root_abcdefgh_" + "x" * 43,
        "hw_server_abcdefgh_" + "x" * 42,
        "hw_server_abcdefgh_" + "x" * 44,
        "hw_server_abcdefg'_" + "x" * 43,
        " hw_server_abcdefgh_" + "x" * 43,
        "hw_server_abcdefgh_" + "ü" * 43,
    ],
)
def test_prefix__text_that_is_no_key__none(text):
    assert keys.prefix_of(text) is None


def test_digest__known_secret__hmac_under_a_derived_key():
    pepper = hmac.new(SITE.encode(), b"headway.sdk-key.v1", hashlib.sha256).digest()
    expected = hmac.new(pepper, b"hw_server_abcdefgh_x", hashlib.sha256).hexdigest()

    assert keys.digest("hw_server_abcdefgh_x", SITE) == expected


def test_is_same__one_character_off__no():
    secret = keys.mint("server").secret
    stored = keys.digest(secret, SITE)

    assert keys.is_same(secret, stored, SITE)
    assert not keys.is_same(secret[:-1] + ("A" if secret[-1] != "A" else "B"), stored, SITE)
    assert not keys.is_same(secret, stored, SITE + "x")

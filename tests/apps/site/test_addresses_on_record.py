"""Every address that takes a change leads to an audit row, or stands here with why it changes nothing."""

import inspect

from django.urls import URLPattern, get_resolver

from tests.apps.governance import addresses, reach

ROWS = {"ledger.audit.record", "ledger.jobs.retry", "ledger.verifying.ask_now"}
"""What writes a row: the first in the transaction of the change, the others through it."""
CHANGES = ("post", "put", "patch", "delete")
NOTHING = {
    "login": "opens a session",
    "oidc-login": "sends the browser to the provider; what comes back from there is on record",
    "logout": "ends a session",
    "sdk-signing-key": "shows a key",
    "api-flag-check": "judges a definition and stores nothing",
    "api-flag-preview": "evaluates and stores nothing",
    "api-ablation-plan": "computes a plan and stores nothing",
}
ELSEWHERE = {
    "person": "hands over through what each app registered; test_ownership counts a row for every thing",
    "refused-event": "a function called like its module; apps/events/test_replay reads the row",
    "api-refused-event-replay": "a function called like its module; apps/events/test_replay reads the row",
}


def takes_changes(pattern: URLPattern) -> bool:
    """A class by its methods; a function that asks for the method, itself or by what decorates it."""
    view = pattern.callback
    made_of = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if made_of is not None:
        return any(hasattr(made_of, method) for method in CHANGES)
    return view is not inspect.unwrap(view) or "POST" in inspect.getsource(inspect.unwrap(view))


def leads_to_a_row(pattern: URLPattern) -> bool:
    starts = addresses.served_by(pattern)
    return any(ROWS & {start, *reach.reached(start)} for start in starts)


def test_addresses__that_take_a_change__lead_to_an_audit_row():
    changing = [each for each in addresses.patterns(get_resolver()) if takes_changes(each)]

    silent = {each.name for each in changing if not leads_to_a_row(each)}

    assert len(changing) > 300
    assert silent == set(NOTHING) | set(ELSEWHERE)

"""A study's delay before each request of a web application: WSGI, ASGI, Django, or a decorator.

`unit` finds the user in the request; None, or an exception, and nobody is slowed down. The delay comes before
the application, so that whatever it measures contains it.

>>> application = wsgi(application, delay, unit=lambda environ: environ.get("REMOTE_USER"))
>>> application = asgi(application, delay, unit=lambda scope: user_of(scope))
>>> @before(delay, unit=lambda request: request.user.pk)
... def view(request): ...
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, Optional, TypeVar

from headway.ablation import Delay

__all__ = ["asgi", "before", "django", "wsgi"]

Attributes = Optional[Mapping[str, Any]]
Function = TypeVar("Function", bound=Callable[..., Any])


def wsgi(
    application: Callable[..., Iterable[bytes]],
    delay: Delay,
    *,
    unit: Callable[[Mapping[str, Any]], object],
    attributes: Callable[[Mapping[str, Any]], Attributes] = lambda environ: None,
) -> Callable[..., Iterable[bytes]]:
    """The application with the delay before each request."""

    def delayed(environ: MutableMapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _hold(delay, unit, attributes, environ)
        return application(environ, start_response)

    return delayed


def asgi(
    application: Callable[..., Awaitable[None]],
    delay: Delay,
    *,
    unit: Callable[[Mapping[str, Any]], object],
    attributes: Callable[[Mapping[str, Any]], Attributes] = lambda scope: None,
) -> Callable[..., Awaitable[None]]:
    """The application with the delay before each HTTP request; the loop goes on meanwhile."""

    async def delayed(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await _hold_async(delay, unit, attributes, scope)
        await application(scope, receive, send)

    return delayed


def django(
    delay: Delay,
    *,
    unit: Callable[[Any], object],
    attributes: Callable[[Any], Attributes] = lambda request: None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A middleware for MIDDLEWARE, for views of both kinds: `slow = django(delay, unit=...)`."""

    def middleware(get_response: Callable[..., Any]) -> Callable[..., Any]:
        from asgiref.sync import iscoroutinefunction, markcoroutinefunction

        if not iscoroutinefunction(get_response):
            return _sync(get_response)

        async def delayed(request: Any) -> Any:
            await _hold_async(delay, unit, attributes, request)
            return await get_response(request)

        return markcoroutinefunction(delayed)

    def _sync(get_response: Callable[..., Any]) -> Callable[..., Any]:
        def delayed(request: Any) -> Any:
            _hold(delay, unit, attributes, request)
            return get_response(request)

        return delayed

    middleware.sync_capable = middleware.async_capable = True  # type: ignore[attr-defined]
    return middleware


def before(
    delay: Delay,
    *,
    unit: Callable[..., object],
    attributes: Callable[..., Attributes] = lambda *args, **named: None,
) -> Callable[[Function], Function]:
    """A decorator that delays calls of a function or a coroutine function."""
    import inspect

    def decorate(function: Function) -> Function:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def delayed_async(*args: Any, **named: Any) -> Any:
                await _hold_async(delay, unit, attributes, *args, **named)
                return await function(*args, **named)

            return delayed_async  # type: ignore[return-value]

        @functools.wraps(function)
        def delayed(*args: Any, **named: Any) -> Any:
            _hold(delay, unit, attributes, *args, **named)
            return function(*args, **named)

        return delayed  # type: ignore[return-value]

    return decorate


def _hold(delay: Delay, unit: Any, attributes: Any, *args: Any, **named: Any) -> None:
    found = _who(unit, attributes, *args, **named)
    if found is not None:
        delay.apply(*found)


async def _hold_async(delay: Delay, unit: Any, attributes: Any, *args: Any, **named: Any) -> None:
    found = _who(unit, attributes, *args, **named)
    if found is not None:
        await delay.apply_async(*found)


def _who(unit: Any, attributes: Any, *args: Any, **named: Any) -> Optional[tuple[object, Attributes]]:
    """The unit and its attributes; None when there is none or looking for it failed."""
    try:
        who = unit(*args, **named)
        return None if who is None else (who, attributes(*args, **named))
    except Exception:  # noqa: BLE001  the host's own function, and its request has to be served
        return None

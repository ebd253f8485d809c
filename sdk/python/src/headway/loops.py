"""A background thread that takes a step, waits, and can be woken, stopped and started again after a fork."""

from __future__ import annotations

import threading
from collections.abc import Callable

from headway.logs import Voice

_AFTER_ERROR_S = 30.0


class Loop:
    """Runs `step` again and again; a step returns the seconds to wait, or None to wait until woken."""

    def __init__(self, name: str, step: Callable[[], float | None], voice: Voice) -> None:
        self._name = name
        self._step = step
        self._voice = voice
        self._prepare()

    def _prepare(self) -> None:
        self._wake = threading.Event()
        self._is_stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; in an interpreter that shuts down there is none any more."""
        if self._thread is not None or self._is_stopping:
            return
        thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError as error:
            self._thread = None
            self._voice.warn("thread", "headway: no background thread: %s", error)

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._is_stopping = True
        self._wake.set()

    def join(self, timeout_s: float) -> None:
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(max(timeout_s, 0.0))

    def restart_in_child(self) -> None:
        """After a fork the thread is gone and its locks may be held by nobody."""
        was_running = self._thread is not None and not self._is_stopping
        self._prepare()
        if was_running:
            self.start()

    def _run(self) -> None:
        while not self._is_stopping:
            delay_s = self._careful_step()
            if not self._is_stopping:
                self._wake.wait(delay_s)
            self._wake.clear()

    def _careful_step(self) -> float | None:
        try:
            return self._step()
        except Exception as error:  # noqa: BLE001 - the thread must live on whatever a step meets
            self._voice.warn(self._name, "headway: %s: %r", self._name, error)
            return _AFTER_ERROR_S

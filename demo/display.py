"""What the demonstration prints while it loads: a progress bar on a terminal, one line per finished step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

Advance = Callable[[int], None]


class Display:
    """Steps on a console; where nobody watches (a pipe, CI) only the finished ones are printed."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, title: str, *, total: int | None = None) -> Iterator[Advance]:
        """Show a step while it is done; yields what to call with every portion of `total` that is done."""
        with self._progress() as progress:
            task = progress.add_task(title, total=total)
            yield lambda portion: progress.advance(task, portion)
            seconds = progress.tasks[0].elapsed or 0.0
        self._console.print(f"[green]✓[/] {title} [dim]{seconds:.1f} s[/]", highlight=False)

    def print(self, what: RenderableType = "") -> None:
        self._console.print(what, highlight=False)

    def _progress(self) -> Progress:
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

"""Does each hand-in's PDF show its notebook? Drawn again in processes of their own, one a processor."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from types import TracebackType

from labgrader.names import shown

Proof = tuple[str, str]


def prove(pdf: bytes | None, notebook: bytes, *, quick: bool = False) -> Proof:
    """Return what is proven of a pair, and why.

    Args:
        pdf: the PDF's bytes, None when none was handed in.
        notebook: the notebook's bytes.
        quick: do not draw the pages again; what is proven then is only that the notebook is attached.

    Returns:
        One of "proven" (the pages are those of the notebook), "text only" (made by other versions: the text
        is, pictures were not compared), "attached" (quick), "not proven", "no pdf"; and the reason.
    """
    if pdf is None:
        return "no pdf", "handed in without a PDF"
    try:
        from labkit.pdf.verify import verify

        verdict = verify(pdf, notebook, rerender=not quick)
    except Exception as error:  # a hostile PDF must not stop the class; it only stays unproven
        return "not proven", f"the PDF cannot be read ({type(error).__name__})"
    kinds = {"same": "proven", "text": "text only", "": "attached"}
    return kinds[verdict.pages] if verdict.proven else "not proven", shown(verdict.reason, width=200)


class Proofs:
    """Proofs that are worked on while other hand-ins are unpacked; few wait, so few are held in memory.

    Args:
        how: proves one pair.
        done: called when a proof is there, from another thread.

    Example:
        >>> with Proofs(lambda pdf, notebook: ("no pdf", ""), done=lambda: None) as proofs:
        ...     proofs.ask(0, None, b"{}")
        >>> proofs.answers()
        {0: ('no pdf', '')}
    """

    def __init__(self, how: Callable[[bytes | None, bytes], Proof], *, done: Callable[[], None]) -> None:
        workers = os.cpu_count() or 1
        self._how, self._done = how, done
        self._pool = ThreadPoolExecutor(workers)
        self._room = BoundedSemaphore(2 * workers)
        self._asked: dict[int, Future[Proof]] = {}

    def ask(self, number: int, pdf: bytes | None, notebook: bytes) -> None:
        """Have a pair proven; waits while too many are."""
        self._room.acquire()
        future = self._pool.submit(self._how, pdf, notebook)
        future.add_done_callback(lambda _: self._room.release())
        future.add_done_callback(lambda _: self._done())
        self._asked[number] = future

    def __contains__(self, number: int) -> bool:
        return number in self._asked

    def answers(self) -> dict[int, Proof]:
        """Return each proof by its number, when all are done."""
        return {number: future.result() for number, future in self._asked.items()}

    def __enter__(self) -> Proofs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=kind is not None)

"""Requests and replies both ways on one channel: while one side waits, the other may ask back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from .channel import Channel, Quiet
from .errors import SessionLost, TimeUp, WireError, describe, rebuild
from .grad import Gradients
from .limits import Limits
from .turn import Own
from .twins import Twins
from .unwire import Decoder
from .wire import Buffer, Encoder


class Peer:
    """One end of the bridge; `trusted.TrustedPeer` and `remote.StudentPeer` say what may be asked of each.

    Only what belongs to the innermost open request is accepted: its reply, or a request in the other
    direction. Anything else ends the session.

    Args:
        channel: the frames.
        limits: bounds for this end.
    """

    def __init__(self, channel: Channel, limits: Limits) -> None:
        self.channel = channel
        self.limits = limits
        self.count = itertools.count(1)
        self.nesting = 0
        self.received = 0
        self.own = Own()
        self.expired = False
        self.in_grace = False
        self.lost = ""
        self.interrupt: Callable[[], None] | None = None
        self.twins = Twins()
        self.freed: list[int] = []
        self.gradients = Gradients(self._ask_backward, self.twins, self.count, self.freed.append)

    # What an end of its own kind adds.

    def perform(self, op: str, args: list[Any], live: list[Any]) -> Any:
        """Do what the other side asked."""
        raise NotImplementedError

    def encoder(self) -> Encoder:
        """Return a new encoder for this end."""
        raise NotImplementedError

    def decoder(self, buffers: list[Buffer]) -> Decoder:
        """Return a new decoder for this end."""
        raise NotImplementedError

    def free(self, numbers: list[int]) -> None:
        """Forget exported objects that the other side does not hold any more."""
        self.gradients.free(numbers)

    def still_held(self, number: int) -> bool:
        """Tell whether this end holds the other's object after all."""
        return False

    # Asking.

    def begin(self, seconds: float) -> None:
        """Start the clock of one test or cell."""
        self.received, self.expired, self.in_grace = 0, False, False
        self.channel.deadline = time.monotonic() + seconds

    def request(self, op: str, *args: Any, late: bool = False) -> Any:
        """Ask the other side and return its answer.

        Args:
            op: what is asked.
            args: its arguments.
            late: return an answer that came after the interrupt instead of raising TimeUp.

        Raises:
            SessionLost: no answer, or not one that an honest peer gives.
            TimeUp: the deadline passed; the other side did stop.
            WireError: the arguments cannot be sent.
            Exception: what the other side's code raised.
        """
        if self.lost:
            raise SessionLost(self.lost)
        if self.expired:
            raise TimeUp("The time is over.")
        if self.nesting >= self.limits.nesting:
            raise RecursionError(
                f"Calls between the test and the student's code nest deeper than {self.limits.nesting}."
            )
        self.nesting += 1
        self.own.shield += 1
        try:
            number = next(self.count)
            live: list[Any] = []
            self._send_notes()
            e = self.encoder()
            e.live = live
            self._send(["q", number, op, e.values(args)], e.buffers)
            return self._await(number, live, late)
        finally:
            self.own.shield -= 1
            self.nesting -= 1

    def _ask_backward(self, number: int, gradient: Any, leaves: int, twins: list[int]) -> Any:
        return self.request("backward", number, gradient, leaves, twins)

    def _send(self, form: Any, buffers: list[Buffer]) -> None:
        try:
            self.channel.send(form, buffers)
        except SessionLost as error:
            self.lose(str(error))

    def _send_notes(self) -> None:
        """Tell the other side which of its objects are not needed and which shared parameters changed."""
        if self.freed:
            gone = [n for n in dict.fromkeys(self.freed) if not self.still_held(n)]
            self.freed.clear()
            if gone:
                self._send(["n", "free", gone], [])
        changes = self.twins.changes()
        if changes:
            e = self.encoder()
            self._send(["n", "twins", e.value(changes)], e.buffers)

    # Waiting and answering.

    def _await(self, number: int, live: list[Any], late: bool) -> Any:
        while True:
            form, buffers = self._next_frame()
            kind = form[0]
            if kind == "q":
                self._answer(form, buffers)
            elif kind == "n":
                self._note(form, buffers)
            elif kind in ("r", "e") and type(form[1]) is int and form[1] == number:
                value = self._reply(form, buffers, live)
                if self.expired and not late:
                    raise TimeUp("The time is over.")
                if kind == "e":
                    raise value
                return value
            else:
                self.lose("The student's process answered a question that was not asked.")

    def _next_frame(self) -> tuple[list[Any], list[Buffer]]:
        while True:
            try:
                form, buffers = self.channel.recv()
                break
            except Quiet:
                self._out_of_time()
            except (WireError, SessionLost) as error:
                self.lose(str(error))
        self.received += 1
        if self.received > self.limits.messages:
            self.lose(f"The student's process sent more than {self.limits.messages} messages.")
        if type(form) is not list or len(form) < 3 or type(form[0]) is not str:
            self.lose("The student's process sent a message of no known form.")
        return form, buffers

    def _out_of_time(self) -> None:
        interrupt = self.interrupt
        if self.in_grace or interrupt is None:
            raise self._gone("The student's code did not stop when its time was over.")
        self.expired = self.in_grace = True
        self.channel.deadline = time.monotonic() + self.limits.grace
        interrupt()

    def lose(self, reason: str) -> None:
        """End the session for good.

        Raises:
            SessionLost: always.
        """
        raise self._gone(reason)

    def _gone(self, reason: str) -> SessionLost:
        """Close the channel and return the error to raise."""
        self.lost = self.lost or reason
        self.channel.close()
        return SessionLost(self.lost)

    def _read(self, form: Any, buffers: list[Buffer], live: list[Any]) -> list[Any]:
        try:
            d = self.decoder(buffers)
            d.live = live
            out = d.values(form, 0)
            d.done()
            return out
        except (WireError, MemoryError, RecursionError, OverflowError) as error:
            self.lose(f"The student's process sent something unreadable. {error}")
            raise

    def _reply(self, form: list[Any], buffers: list[Buffer], live: list[Any]) -> Any:
        parts = self._read(form[2:], buffers, live)
        try:
            if form[0] == "e" and len(parts) == 2:
                self.twins.apply(parts[1])
                return rebuild(parts[0])
            if form[0] == "r" and len(parts) == 2:
                self.twins.apply(parts[1])
                return parts[0]
        except WireError as error:
            self.lose(f"The student's process sent something unreadable. {error}")
        return self.lose("The student's process sent a reply of no known form.")

    def _note(self, form: list[Any], buffers: list[Buffer]) -> None:
        what, body = form[1], form[2]
        if what == "free" and len(form) == 3 and type(body) is list and all(type(n) is int for n in body):
            self.free(body)
        elif what == "twins" and len(form) == 3:
            (changes,) = self._read([body], buffers, [])
            try:
                self.twins.apply(changes)
            except WireError as error:
                self.lose(str(error))
        else:
            self.lose("The student's process sent a note of no known form.")

    def _answer(self, form: list[Any], buffers: list[Buffer]) -> None:
        if len(form) != 4 or type(form[1]) is not int or type(form[2]) is not str:
            self.lose("The student's process asked something of no known form.")
        live: list[Any] = []
        shield = self.own.shield
        self.nesting += 1
        try:
            args = self._read(form[3], buffers, live)
            if self.expired:
                raise TimeUp("The time is over.")
            self.own.shield = 0
            result = self.perform(form[2], args, live)
        except SessionLost:
            raise
        except BaseException as error:
            self.own.shield = shield + 1
            self.expired = self.expired or isinstance(error, TimeUp)
            self._send_reply("e", form[1], describe(error), [])
        else:
            self.own.shield = shield + 1
            self._send_reply("r", form[1], result, live)
        finally:
            self.own.shield = shield
            self.nesting -= 1

    def _send_reply(self, kind: str, number: int, value: Any, leaves: list[Any]) -> None:
        try:
            e = self.encoder()
            e.leaves = leaves
            self._send([kind, number, e.value(value), e.value(self.twins.changes())], e.buffers)
        except SessionLost:
            raise
        except Exception as error:
            e = self.encoder()
            self._send(["e", number, e.value(describe(error)), e.value([])], e.buffers)

# ruff: noqa: E501  (tables of frames)
"""A peer that lies, floods, stalls or leaves: the trusted side loses the session, never its head."""

import contextlib
import json
import random
import resource
import socket
import struct
import threading
import time

import pytest
from labgrader.bridge.errors import SessionLost, StudentError
from labgrader.bridge.limits import Limits
from labgrader.bridge.tester import Session

LIMITS = Limits(start=0.8, grace=0.2, messages=300, nesting=6, iterate=50, handles=100)
SECONDS = 0.8
BARE_TEST = "f(lambda x: x)"


def frame(form, *buffers):
    head = json.dumps([[len(b) for b in buffers], form]).encode()
    return struct.pack("<I", len(head)) + head + b"".join(buffers)


def handle(number=7, kind="function", can_call=True, claims=()):
    return ["h", number, kind, can_call, list(claims)]


class Peer:
    """The student's end as a script: reads requests, sends what it is told."""

    def __init__(self, sock):
        self.sock, self.file = sock, sock.makefile("rb")

    def request(self):
        """Return the next request of the trusted side; notes are skipped."""
        while True:
            (size,) = struct.unpack("<I", self.file.read(4))
            sizes, form = json.loads(self.file.read(size))
            self.file.read(sum(sizes))
            if form[2] == "ping":
                self.reply(form, True)
            elif form[0] != "n":
                return form

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)

    def send(self, raw):
        self.sock.sendall(raw)

    def reply(self, request, value, *buffers, changes=("l", ())):
        self.send(frame(["r", request[1], value, list(changes)], *buffers))

    def give_function(self):
        """Answer the request for the name f with a handle, return the request to call it."""
        self.reply(self.request(), handle())
        return self.request()


def forever(action):
    while True:
        action()


def answers(value, *buffers, changes=("l", ())):
    """Return a script that answers the call with one form."""
    return lambda p: p.reply(p.give_function(), value, *buffers, changes=changes)


def fails(form):
    def script(p):
        p.send(frame(["e", p.give_function()[1], form, ["l", []]]))

    return script


def after_call(raw):
    def script(p):
        number = p.give_function()[1]
        p.send(raw(number) if callable(raw) else raw)

    return script


def lent(form):
    """Return the number of the function that the call gave away."""
    return form[3][1][1][0][1]


def call_back(number, function, args=("t", ())):
    return frame(["q", number, "call", [["fn", function], list(args), ["d", [], []]]])


def endless_callbacks(p):
    form = p.give_function()
    for i in range(10_000):
        p.send(call_back(i, lent(form), ("t", [1])))
        p.request()


def callback_that_never_returns(p):
    form = p.give_function()
    p.send(call_back(1, lent(form), ("t", [1])))
    p.request()
    time.sleep(3)


def drip(p):
    number = p.give_function()[1]
    for byte in frame(["r", number, 1, ["l", []]]):
        p.send(bytes([byte]))
        time.sleep(0.1)


def two_answers(p):
    form = p.give_function()
    p.reply(form, 1)
    p.reply(form, 2)
    p.request()


def half_then_close(p):
    number = p.give_function()[1]
    p.send(frame(["r", number, ["T", "float32", [1000], False], ["l", []]], bytes(4000))[:900])
    p.close()


def param(shape=(1,), number=5, grad=False):
    return ["p", "float32", list(shape), number, True, grad]


F4 = bytes(4)
LOST = {
    "closes at once": lambda p: p.close(),
    "closes midway": half_then_close,
    "silent": lambda p: time.sleep(3),
    "silent after the call": lambda p: (p.give_function(), time.sleep(3)),
    "garbage": lambda p: p.send(b"\xde\xad\xbe\xef" * 100),
    "garbage after the call": after_call(b"GET / HTTP/1.1\r\n\r\n"),
    "text": after_call(struct.pack("<I", 5) + b"hello"),
    "header of 4 GiB": after_call(b"\xff\xff\xff\xff"),
    "header that never ends": after_call(struct.pack("<I", 8 << 20) + b"["),
    "one byte at a time": drip,
    "endless spaces": lambda p: forever(lambda: p.send(b" " * 65536)),
    "endless frames": lambda p: forever(lambda: p.send(frame(["n", "free", [1]]))),
    "endless notes": lambda p: (p.give_function(), forever(lambda: p.send(frame(["n", "twins", ["l", []]])))),
    "endless callbacks": endless_callbacks,
    "callback that never returns": callback_that_never_returns,
    "reply to another question": after_call(lambda n: frame(["r", n + 1, 1, ["l", []]])),
    "reply to question true": after_call(lambda n: frame(["r", True, 1, ["l", []]])),
    "reply without changes": after_call(lambda n: frame(["r", n, 1])),
    "reply with more": after_call(lambda n: frame(["r", n, 1, ["l", []], 3])),
    "two replies": two_answers,
    "message no list": after_call(frame("r")),
    "message empty": after_call(frame([])),
    "message of a number": after_call(frame([1, 2, 3])),
    "unknown kind": after_call(frame(["pickle", 1, 2])),
    "unknown note": after_call(frame(["n", "exec", "import os"])),
    "free of text": after_call(frame(["n", "free", ["a"]])),
    "question without form": after_call(frame(["q", 1, 2])),
    "question with unreadable arguments": after_call(frame(["q", 1, "call", [["T"]]])),
    "question of no list": after_call(frame(["q", 1, "call", 3])),
    "call of function number true": after_call(call_back(1, True)),
    "handle without fields": answers(["h", 7]),
    "handle with text number": answers(handle("7")),
    "handle with endless claims": answers(handle(8, claims=[["torch.nn", "Module"]] * 50)),
    "handle with broken claims": answers(handle(8, claims=["torch"])),
    "handle with list as name": answers(handle(8, kind=["a"])),
    "unknown twin": answers(["m", 5]),
    "twin number text": answers(["m", "5"]),
    "parameter of integers": answers(["p", "int64", [1], 5, True, False], bytes(8)),
    "parameter twice": answers(["l", [param(), param()]], F4, F4),
    "parameter without gradient data": answers(param(grad=True), F4),
    "parameter without flags": answers(["p", "float32", [1], 5], F4),
    "graph of integers": answers(["g", "int64", [1], 3], bytes(8)),
    "graph with text number": answers(["g", "float32", [1], "a"], F4),
    "argument flag": answers(["x", "float32", [1], 5], F4),
    "changes no list": answers(1, changes=["t", []]),
    "changes of numbers": answers(1, changes=["l", [1]]),
    "changes of the wrong type": answers(param(), F4, changes=["l", [["t", [5, "x", None]]]]),
    "changes of another dtype": answers(param(), F4, bytes(8), changes=["l", [["t", [5, ["T", "float64", [1], False], None]]]]),
    "changed gradient of another shape": answers(
        param(), F4, bytes(8), changes=["l", [["t", [5, None, ["T", "float32", [2], False]]]]]
    ),
    "pickle": answers(["o", "gASVBQAAAAAAAAB9lC4="]),
    "error without form": fails(["l", []]),
    "error with no names": fails(["l", [["l", []], "m", None, ["l", []]]]),
    "error with number as name": fails(["l", [["l", [3]], "m", None, ["l", []]]]),
    "error with endless frames": fails(["l", [["l", ["ValueError"]], "m", None, ["l", [1] * 100]]]),
    "error with broken frames": fails(["l", [["l", ["ValueError"]], "m", None, ["l", [["l", ["a", 1, 2, 3]]]]]]),
    "error with line minus one": fails(["l", [["l", ["ValueError"]], "m", None, ["l", [["l", [1, "f", -1, ""]]]]]]),
}  # fmt: skip


@pytest.fixture
def against():
    """Return a function that runs a test against a scripted peer."""
    opened = []

    def run(script, source=BARE_TEST, limits=LIMITS, seconds=SECONDS, names=None):
        mine, theirs = socket.socketpair()
        session = Session(mine, limits, names=names)
        opened.extend([session, theirs])

        def play():
            with contextlib.suppress(OSError, ValueError, struct.error, SessionLost):
                peer = Peer(theirs)
                script(peer)
                while True:  # polite to the end: whatever else is asked gets a plain answer
                    peer.reply(peer.request(), "")

        threading.Thread(target=play, daemon=True).start()
        return session.run_test(source, seconds)

    yield run
    for end in opened:
        end.close()


@pytest.mark.parametrize("name", LOST)
def test_the_session_is_lost_in_time_and_nothing_is_earned(name, against):
    start = time.monotonic()
    source = "f(lambda x: x)\nf(1)\n5" if name == "two replies" else "f(lambda x: x)\n5"
    with pytest.raises(SessionLost) as lost:
        against(LOST[name], source)
    assert time.monotonic() - start < SECONDS + 15
    assert 10 < len(str(lost.value)) < 300


ERRORS = {
    "builtin": (["ValueError"], "no", ValueError, "no"),
    "not implemented": (["NotImplementedError"], "", NotImplementedError, ""),
    "own class": (["", "Mine", "KeyError"], "k", StudentError, "Mine: k"),
    "SystemExit": (["SystemExit"], "0", StudentError, "SystemExit: 0"),
    "KeyboardInterrupt": (["KeyboardInterrupt"], "", StudentError, "KeyboardInterrupt"),
    "GeneratorExit": (["GeneratorExit"], "", StudentError, "GeneratorExit"),
    "StopIteration": (["StopIteration"], "", StudentError, "StopIteration"),
    "StopAsyncIteration": (["StopAsyncIteration"], "", StudentError, "StopAsyncIteration"),
    "SessionLost": (["SessionLost"], "", StudentError, "SessionLost"),
    "TimeUp": (["TimeUp"], "", StudentError, "TimeUp"),
    "no exception": (["__import__"], "os", StudentError, "__import__: os"),
    "a type": (["int"], "7", StudentError, "int: 7"),
    "UnicodeDecodeError": (["UnicodeDecodeError"], "x", StudentError, "UnicodeDecodeError: x"),
    "ExceptionGroup": (["ExceptionGroup"], "x", StudentError, "ExceptionGroup: x"),
    "control characters": (["ValueError"], "a\x1b[2Jb\x07\u202ec", ValueError, "a\ufffd[2Jb\ufffd\ufffdc"),
    "surrogates": (["ValueError"], "\ud800", ValueError, "\ufffd"),
    "endless message": (["ValueError"], "x" * 100_000, ValueError, "x" * 2000 + " … (cut)"),
    "name with markup": (
        ["", "<script>" * 50, "Exception"],
        "",
        StudentError,
        ("<script>" * 50)[:100] + " … (cut)",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_exceptions_arrive_as_builtins_or_as_student_errors(name, against):
    names, message, kind, text = ERRORS[name]
    seen = []
    raw = message.encode("utf-8", "surrogatepass")
    form = ["l", [["l", []], ["s"], None, ["l", []]]]
    buffers = []
    for part in names:
        form[1][0][1].append(["s"])
        buffers.append(part.encode())

    def script(p):
        p.send(frame(["e", p.give_function()[1], form, ["l", []]], *buffers, raw))

    source = "try:\n    f(1)\nexcept Exception as e:\n    seen.append(e)"
    assert against(script, source, names={"seen": seen}).error is None
    (error,) = seen
    assert isinstance(error, kind)
    assert type(error) is kind or kind is StudentError
    assert str(error) == text
    if name == "own class":
        assert isinstance(error, KeyError)


TEST_ERRORS = {
    "calls a function never given": (after_call(call_back(1, 999)), "f(1)"),
    "calls a handle": (after_call(frame(["q", 1, "call", [handle(7), ["t", []], ["d", [], []]]])), "f(1)"),
    "asks what it may not": (after_call(lambda n: frame(["q", 1, "get", ["secret"]])), "f(1)"),
    "asks for the test's own names": (
        after_call(lambda n: frame(["q", 1, "attr", [1, "__globals__"]])),
        "f(1)",
    ),
    "gradients of nothing": (after_call(lambda n: frame(["q", 1, "backward", [1, 2, 3, 4]])), "f(1)"),
    "calls with wrong keywords": (
        after_call(lambda n: frame(["q", 1, "call", [1, ["t", []], ["d", [1], [2]]]])),
        "f(1)",
    ),
}


@pytest.mark.parametrize("name", TEST_ERRORS)
def test_what_may_not_be_asked_is_answered_with_an_error(name, against):
    script, source = TEST_ERRORS[name]
    replies = []

    def listening(p):
        script(p)
        replies.append(p.request())

    with pytest.raises(SessionLost):
        against(lambda p: (listening(p), p.close()), source)
    assert replies[0][0] == "e"


def test_an_iterator_that_never_ends_is_stopped(against):
    def script(p):
        p.reply(p.request(), handle())
        while True:
            form = p.request()
            if form[2] == "printed":
                p.reply(form, "")
            elif form[2] == "iter":
                p.reply(form, handle(9, can_call=False))
            else:
                p.reply(form, ["t", [True, 1]])

    run = against(script, "list(f)")
    assert "more than 50 values" in run.error.message


def test_callbacks_that_nest_without_end_are_refused(against):
    def script(p):
        form = p.give_function()
        while form[2] == "call":
            p.send(call_back(len(str(form)), lent(form), ("t", [handle(7)])))
            form = p.request()
            if form[0] != "q":
                break
        p.reply(form, 1) if form[0] == "q" else None

    with pytest.raises(SessionLost):
        against(script, "def g(h):\n    return h(g)\nf(g)")


def test_more_objects_than_allowed_end_the_session(against):
    def script(p):
        p.reply(p.give_function(), ["l", [handle(n) for n in range(1000, 1200)]])

    with pytest.raises(SessionLost, match="More than 100 student objects"):
        against(script)


def test_claims_never_make_a_number_or_tensor(against):
    claims = [
        ["builtins", "int"],
        ["torch", "Tensor"],
        ["torch.nn.parameter", "Parameter"],
        ["os", "PathLike"],
        ["torch._C", "x"],
    ]
    run = against(
        answers(handle(8, claims=claims)), "h = f(1)\n[isinstance(h, c) for c in (int, torch.Tensor)]"
    )
    assert run.value == [False, False]
    run = against(
        answers(handle(8, claims=[["torch.nn.modules.linear", "Linear"]])), "isinstance(f(1), nn.Linear)"
    )
    assert run.value is True


def test_fuzzed_replies_end_in_a_value_an_error_or_a_lost_session(against):
    rng = random.Random(5)
    good = ["r", 0, ["d", ["a", "b"], [["T", "float32", [2], False], handle(11)]], ["l", []]]
    junk = [
        None,
        True,
        -1,
        2**70,
        "",
        "h",
        "call",
        [],
        ["l"],
        handle(3),
        ["m", 1],
        ["fn", 1],
        ["g", "float32", [2], 1],
        "float64",
        [1, 2],
    ]
    outcomes = {"lost": 0, "fine": 0}
    for _ in range(250):

        def script(p):
            form = json.loads(json.dumps(good))
            form[1] = p.give_function()[1]
            for _ in range(rng.randrange(1, 4)):
                at = form
                while True:
                    i = rng.randrange(len(at))
                    if type(at[i]) is list and at[i] and rng.random() < 0.75:
                        at = at[i]
                        continue
                    at[i] = rng.choice(junk)
                    break
            p.send(frame(form, bytes(8)))
            p.sock.shutdown(socket.SHUT_WR)

        try:
            against(script, "f(1)", seconds=2)
            outcomes["fine"] += 1
        except SessionLost:
            outcomes["lost"] += 1
    assert (
        outcomes["lost"] == 250
    )  # a peer that hangs up after one answer is always lost, at the latest at the end


def test_hostile_streams_do_not_fill_the_memory(against):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for script in (
        lambda p: (p.send(struct.pack("<I", 8 << 20)), forever(lambda: p.send(b"[" * 65536))),
        after_call(lambda n: struct.pack("<I", 40) + b'[[134000000],["r",1,["b"],["l",[]]]]    '),
        lambda p: (p.give_function(), forever(lambda: p.send(frame(["n", "free", list(range(5000))])))),
    ):
        with pytest.raises(SessionLost):
            against(script)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 60_000  # kB

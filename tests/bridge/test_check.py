"""labkit.check says the same of a function in the student's process as of one in its own, for all labs."""

import contextlib
import io
import runpy
from pathlib import Path

import pytest
import torch

from labkit import check

FOLDER = Path(__file__).parents[1] / "check"
TABLES = runpy.run_path(str(FOLDER / "tables.py"))
FUNCTIONS, EXERCISES = TABLES["FUNCTIONS"], TABLES["EXERCISES"]
STUDENT = f"""
import runpy, torch
FUNCTIONS = runpy.run_path({str(FOLDER / "tables.py")!r})["FUNCTIONS"]
for function in FUNCTIONS.values():
    globals().update({{given.__name__: given for given in function.given}})
def choose(name, style):
    globals()[name] = FUNCTIONS[name].honest[style]
def choose_wrong(name, place):
    globals()[name] = FUNCTIONS[name].mutants[place].fn
def untouched(name):
    exec(f"def {{name}}(*args, **kwargs):\\n    raise NotImplementedError", globals())
"""
SEED = "a5f0" * 16


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared(STUDENT, setup="from labkit import check")


def do(session, source):
    assert session.run_cell(source, 10).error is None


def others(session, name):
    """Give the other functions of an exercise right answers."""
    for other in EXERCISES[FUNCTIONS[name].exercise]:
        if other != name:
            do(session, f"choose({other!r}, {next(iter(FUNCTIONS[other].honest))!r})")


def given(exercise):
    return FUNCTIONS[EXERCISES[exercise][0]].given


def here(exercise, fns):
    """Return points and messages of the same test cell in this process."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        fns = [*fns, *given(exercise)]
        getattr(check, exercise)(*fns)
        earned = getattr(check, exercise)(*fns, seed=SEED)
    return 4 * earned, out.getvalue()


def there(session, exercise):
    names = [*EXERCISES[exercise], *(function.__name__ for function in given(exercise))]
    call = f"check.{exercise}({', '.join(names)}"
    cell = f'earned = {call})\nearned = {call}, seed=secret("{exercise}"))\n4 * earned'
    run = session.run_test(cell, 60, names={"secret": lambda name: SEED})
    assert run.error is None, run.error.trace
    return run.value, run.stdout


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("exercise", EXERCISES)
def test_honest_answers_get_full_marks_across_the_bridge(exercise, place, session):
    fns = [list(FUNCTIONS[name].honest.items())[place] for name in EXERCISES[exercise]]
    for name, (style, _) in zip(EXERCISES[exercise], fns, strict=True):
        do(session, f"choose({name!r}, {style!r})")
    value, text = there(session, exercise)
    assert value == 4.0, text
    assert (value, text) == here(exercise, [fn for _, fn in fns])


def sample(name):
    """Return which wrong answers to try: every sixth, and all that concern side effects and backwards."""
    every = 2 if FUNCTIONS[name].spec.adapt else 6
    return [
        i
        for i, m in enumerate(FUNCTIONS[name].mutants)
        if i % every == 0 or "input" in m.name or "leaves" in m.name
    ]


@pytest.mark.parametrize(("name", "place"), [(n, i) for n in FUNCTIONS for i in sample(n)])
def test_wrong_answers_get_the_same_marks_and_words_across_the_bridge(name, place, session):
    others(session, name)
    do(session, f"choose_wrong({name!r}, {place})")
    exercise = FUNCTIONS[name].exercise
    wrong = FUNCTIONS[name].mutants[place].fn
    fns = [wrong if n == name else FUNCTIONS[n].right for n in EXERCISES[exercise]]
    assert there(session, exercise) == here(exercise, fns)


@pytest.mark.parametrize("exercise", EXERCISES)
def test_untouched_functions_get_nothing(exercise, session):
    for name in EXERCISES[exercise]:
        do(session, f"untouched({name!r})")
    value, text = there(session, exercise)
    assert value == 0.0
    assert "not written yet" in text


NETWORK = """
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        layers = torch.nn.LazyConv2d(96, 5), torch.nn.ReLU(), torch.nn.AvgPool2d(14), torch.nn.Flatten()
        self.body, self.last = torch.nn.Sequential(*layers), torch.nn.Linear(384, 10)
    def forward(self, x):
        return 3000 * self.last(self.body(x))
"""


@pytest.mark.parametrize("build_net", ["Net", "lambda: Net"])
def test_a_network_has_the_same_weights_here_and_there(build_net, session):
    """Its first loss, to two places; and nothing is drawn from the student's own generator."""
    do(session, f"{NETWORK}build_net = {build_net}\ntorch.manual_seed(5)\nbefore = torch.get_rng_state()")
    namespace = {"torch": torch}
    exec(f"{NETWORK}build_net = {build_net}", namespace)
    assert there(session, "build_net") == here("build_net", [namespace["build_net"]])
    if build_net == "Net":
        assert "a loss of" in there(session, "build_net")[1]
    do(session, "assert torch.equal(torch.get_rng_state(), before)")


def test_a_class_whose_backward_is_not_written(session):
    half = """
class Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clamp(min=0)
    @staticmethod
    def backward(ctx, dy):
        raise NotImplementedError
my_relu = lambda x: Half.apply(x)
"""
    do(session, half)
    others(session, "my_relu")
    value, text = there(session, "own_backward")
    assert value == round(4 * 14 / 18, 2)
    assert "dx has to be computed" in text


def test_named_tuples_of_the_notebook_arrive_as_tuples(session):
    """Also those of a class that forges what a reader would ask: only what they hold is sent."""
    source = """
import collections, typing
Cost = collections.namedtuple("Cost", "params multiply_adds")
Row = collections.namedtuple("Row", "name probability")
class Forged(typing.NamedTuple):
    params: object
    multiply_adds: object
    def __eq__(self, other): return True
    def __len__(self): return 99
    def __iter__(self): raise RuntimeError("no parts")
    def __getitem__(self, place): return 0
choose("block_cost", "formula")
right = block_cost
def block_cost(*args): return Cost(*right(*args))
choose("top_k", "topk")
best = top_k
def top_k(*args): return [Row(*pair) for pair in best(*args)]
"""
    do(session, source)
    assert there(session, "block_cost")[0] == 4.0
    assert there(session, "top_k")[0] == 4.0
    do(session, "def block_cost(*args): return Forged(*right(*args))")
    assert there(session, "block_cost")[0] == 4.0
    do(session, "def block_cost(*args): return Forged(0, 0)")
    assert there(session, "block_cost")[0] == 0.0
    run = session.run_test("result = block_cost(4, 1, 1, (2, 2)); [type(result) is tuple, len(result)]", 10)
    assert run.value == [True, 2]


def test_an_error_in_the_answer_names_the_line_of_the_cell(session):
    source = "def corr2d(x, k):\n    y = x\n    return helper(y)\ndef helper(y):\n    return y.nothing"
    assert session.run_cell(source, 10).error is None
    namespace = {}
    exec(compile(source, "<cell>", "exec"), namespace)
    assert there(session, "corr2d") == here("corr2d", [namespace["corr2d"]])
    assert "line" in there(session, "corr2d")[1]


def test_a_false_check_of_the_student_is_not_used(session):
    lies = """
class check:
    @staticmethod
    def out_size(*args, **kwargs): return 1.0
earned, secret, float, print, torch = 1.0, len, str, None, None
out_size = lambda *args: 99
import labkit.check
labkit.check.out_size = check.out_size
labkit.check.convolution.out_size = check.out_size
"""
    assert session.run_cell(lies, 10).error is None
    value, text = there(session, "out_size")
    assert value < 2
    assert "99" in text
    session.run_cell("del check, earned, secret, float, print; import torch; from labkit import check", 10)

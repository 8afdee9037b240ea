"""The course's secret: made once, kept to oneself, and one set of inputs for each file."""

import hashlib
import hmac
import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from labgrader.course import Course
from labgrader.secret import SecretError, course_secret, secret_for


def test_is_made_once_and_only_for_its_owner(tmp_path):
    course = Course(tmp_path)
    key = course_secret(course)
    path = tmp_path / ".course_secret"
    assert len(key) == 32
    assert path.read_text() == key.hex() + "\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert course_secret(course) == key
    assert [p.name for p in tmp_path.iterdir()] == [".course_secret"]


def test_is_0600_whatever_the_umask(tmp_path):
    old = os.umask(0o000)
    try:
        course_secret(Course(tmp_path))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / ".course_secret").stat().st_mode) == 0o600


def test_two_courses_have_two_secrets(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert course_secret(Course(tmp_path / "a")) != course_secret(Course(tmp_path / "b"))


def test_first_calls_at_once_agree(tmp_path):
    for trial in range(20):
        course = Course(tmp_path / str(trial))
        course.root.mkdir()
        with ThreadPoolExecutor(8) as pool:
            keys = list(pool.map(lambda _, course=course: course_secret(course), range(8)))
        assert len(set(keys)) == 1
        assert [p.name for p in course.root.iterdir()] == [".course_secret"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds 0 characters; expected 64 hexadecimal digits"),
        ("ab" * 31, "holds 62 characters; expected 64 hexadecimal digits"),
        ("not hexadecimal " * 8, "expected 64 hexadecimal digits"),
        ("é" * 64, "expected 64 hexadecimal digits"),
    ],
)
def test_refuses_what_is_not_a_secret(tmp_path, text, message):
    path = tmp_path / ".course_secret"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SecretError, match=message):
        course_secret(Course(tmp_path))
    assert path.read_text() == text


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666, 0o602])
def test_refuses_a_file_open_to_everybody_and_says_how_to_mend_it(tmp_path, mode):
    path = tmp_path / ".course_secret"
    course_secret(Course(tmp_path))
    path.chmod(mode)
    with pytest.raises(SecretError) as caught:
        course_secret(Course(tmp_path))
    assert str(caught.value) == (
        f"{path} is open to every user of this machine (mode {mode:04o}); run `chmod 600 {path}`."
    )
    path.chmod(0o600)
    assert len(course_secret(Course(tmp_path))) == 32


def test_refuses_a_link_and_a_folder_and_a_pipe(tmp_path):
    for name, make in {
        "link": lambda p: p.symlink_to("/dev/null"),
        "dangling": lambda p: p.symlink_to("nowhere"),
        "folder": lambda p: p.mkdir(),
        "pipe": os.mkfifo,
    }.items():
        (tmp_path / name).mkdir()
        make(tmp_path / name / ".course_secret")
        with pytest.raises(SecretError):
            course_secret(Course(tmp_path / name))


def test_says_where_it_cannot_be_made(tmp_path):
    with pytest.raises(SecretError, match="cannot be made"):
        course_secret(Course(tmp_path / "no such folder"))


@given(key=st.binary(min_size=32, max_size=32), notebook=st.binary(max_size=40), exercise=st.text(max_size=9))
def test_is_the_hmac_of_lab_exercise_and_file(key, notebook, exercise):
    message = json.dumps(["01_convolution", exercise, hashlib.sha256(notebook).hexdigest()]).encode()
    expected = hmac.new(key, message, "sha256").hexdigest()
    assert secret_for(key, "01_convolution", notebook)(exercise) == expected


@given(
    a=st.tuples(st.text(max_size=5), st.text(max_size=5), st.binary(max_size=5)),
    b=st.tuples(st.text(max_size=5), st.text(max_size=5), st.binary(max_size=5)),
)
def test_differs_wherever_lab_exercise_or_file_differ(a, b):
    first, second = (secret_for(b"k" * 32, lab, data)(exercise) for lab, exercise, data in (a, b))
    assert (first == second) == (a == b)

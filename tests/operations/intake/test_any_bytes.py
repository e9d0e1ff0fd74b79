"""Any file gives rows, problems or a usage error, and never a crash."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import people
from tests.operations.intake.files import FORMATS, person
from tests.support.turns import EVERYTHING

PEOPLE = [person(), person("bob", name='B "b", [{}]'), person("carol", active="no")]
FILES = [write([*PEOPLE[:2]]) for write in FORMATS.values()] + [
    b"[]",
    b"[\n\n]\n",
    b'[1, null, {"user": {}}]',
    b'{"user": [1]}\n\n',
]
BYTES = [*b"[]{}\",:;\\ \n\r\t0a\0\xff\xef\xbb\xbf'"]

edits = st.lists(
    st.tuples(
        st.integers(0, 400),
        st.sampled_from(["insert", "remove", "replace"]),
        st.sampled_from(BYTES),
    ),
    max_size=6,
)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A file of ours with a few bytes changed, or any bytes at all."""
    content = bytearray(draw(st.sampled_from(FILES)))
    for place, how, byte in draw(edits):
        at = place % (len(content) + 1)
        content[at : at + (how != "insert")] = b"" if how == "remove" else bytes([byte])
    return bytes(content)


@settings(max_examples=600 if EVERYTHING else 150)
@given(content=files() | st.binary(max_size=60), ignore_unknown=st.booleans())
@example(content=b"[]x", ignore_unknown=False)
@example(content=b'{"a": 1}\n\x1d\n', ignore_unknown=False)
@example(content=b"user,account,name,type\na,acme,A\rx,cloud\n", ignore_unknown=False)
@example(content=b"user,account,name,type\n\r\r\n \r x\n\r\n", ignore_unknown=False)
def test_every_file_is_read_or_refused(content: bytes, ignore_unknown: bool) -> None:
    """A problem names a line of the file, in text that can be shown and stored."""
    people(content, ignore_unknown=ignore_unknown)

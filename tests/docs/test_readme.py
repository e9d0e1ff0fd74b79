"""The README: every command in it works, and every output in it is real."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pexpect
import pytest

from tests.docs.reading import CHAPTERS, README, ROOT, bash, blocks, commands, ready
from tests.support.badges import badges
from tests.support.contract import call
from tests.support.tmux import tmux

_TIME = re.compile(r"(just now|\d+ min ago) \(\d\d:\d\d:\d\d\)")


def test_the_call_has_real_output(home: dict[str, str]) -> None:
    """The commands, run in order in one home, print what the README shows."""
    steps: list[tuple[str, list[str]]] = []
    for line in "".join(blocks(README, "console")).splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    assert len(steps) > 8
    for command, expected in steps:
        ran = bash(command, home)
        printed = ran.stdout.replace(home["HOME"], "~")
        assert ran.stderr == "", command
        assert _TIME.sub("T", printed).splitlines() == [_TIME.sub("T", e) for e in expected], (
            command
        )


def test_the_first_user_by_hand_in_five_lines(home: dict[str, str]) -> None:
    """Typed one after the other, they verify Alice and show her card."""
    (block,) = [b for b in blocks(README, "sh") if "pincli init" in b and "pin show" in b]
    lines = commands(block)
    assert len(lines) == 5
    outputs: list[str] = []
    for line in lines:
        terminal = pexpect.spawn(
            "bash", ["-c", line], env=home, cwd=home["HOME"], encoding="utf-8", timeout=30
        )
        if line == "pincli verify alice":
            terminal.expect_exact("Support PIN of alice, acme (Alice Example): ")
            pin = re.search(r"\d{6}", outputs[2])
            assert pin is not None
            terminal.sendline(pin[0])
        outputs.append(terminal.read())
        terminal.close()
        assert terminal.exitstatus == 0, (line, outputs[-1])
    assert "VERIFIED" in outputs[3]
    assert "NOT" not in outputs[3]
    assert "active" in outputs[4]


@pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")
def test_the_screens_of_the_desk_are_real(home: dict[str, str], tmp_path: Path) -> None:
    """A terminal of 80 columns shows each screen in turn."""
    listed, asked, verified = (block.rstrip() for block in blocks(README, "text"))
    desk = ready(home)
    for line in (
        "user edit alice --name 'Alice Example'",
        "user add alice.smith --account acme --name 'Alice Smith'",
        "pin show alice.smith",
        "user add asmith --account globex --name 'Alice Smith'",
    ):
        assert call(desk, line).code == 0
    assert call(desk, "verify alice --pin-stdin", "444159").code == 0
    with tmux(home, tmp_path) as agent:
        agent.line("pincli", "desk")
        agent.wait_for("^ caller$")
        agent.type("smith T-4711")
        agent.press("Enter")
        agent.wait_for("2 people fit")
        assert _without_keys(agent.screen) == _without_keys(listed)
        agent.press("Escape")
        agent.wait_for("^ caller$")
        agent.type("alice T-4711")
        agent.press("Enter")
        agent.wait_for("ticket")
        agent.type("444")
        agent.wait_for("(\u25cf ){3}\u25cb")
        assert _without_keys(agent.screen) == _without_keys(asked)
        agent.type("159")
        agent.press("Enter")
        agent.wait_for("VERIFIED")
        assert _without_keys(agent.screen) == _without_keys(verified)


def _without_keys(screen: str) -> str:
    """A screen without the line of keys, the agent's name and the time."""
    above = re.split(r"\n (?:Enter|Up/Down) ", screen)[0].rstrip()
    return re.sub(r"T by \S+", "T", _TIME.sub("T", above))


def test_every_command_is_in_the_table() -> None:
    """It names each command that the help shows."""
    from pincli.commands.registry import words_below

    table = README.partition("## Commands")[2].partition("##")[0]
    for command in words_below("", hidden=False):
        assert re.search(rf"`{command}\b", table), command


def test_the_exit_codes_are_those_of_the_code() -> None:
    """The table has each number, with its meaning, and no other."""
    from pincli.views.exit_codes import ExitCode

    table = README.partition("## Exit codes")[2].partition("With `--json`")[0]
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", table.replace("`", ""), re.MULTILINE)
    assert [(int(number), words) for number, words in rows] == [
        (code, code.meaning) for code in ExitCode
    ]


def test_every_link_leads_somewhere() -> None:
    """To a file of the repository, or to a heading of the README."""
    headings = {
        "#" + re.sub(r"[^a-z -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", README, re.MULTILINE)
    }
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert len(links) > 20
    assert [link for link in links if link not in headings and not (ROOT / link).is_file()] == []


def test_every_chapter_is_listed() -> None:
    """The table links each chapter, and names its topic of `pincli help`."""
    listed = re.findall(r"^\| \[.*\]\(pincli/docs/(\w+)\.md\) \| `(\w+)` \|", README, re.MULTILINE)
    assert {name for name, topic in listed if name == topic} == set(CHAPTERS)


def test_every_picture_is_shown() -> None:
    """In the README or a chapter."""
    everything = "".join([README, *CHAPTERS.values()])
    shown = {Path(link).name for link in re.findall(r"!\[.*?\]\((.*?)\)", everything)}
    assert shown == {path.name for path in (ROOT / ".pictures").iterdir()}


def test_the_badges_are_fresh() -> None:
    """They say what pyproject.toml says; else run `python -m tests.support.redraw`."""
    for name, badge in badges().items():
        assert (ROOT / ".pictures" / name).read_text(encoding="utf-8") == badge, name

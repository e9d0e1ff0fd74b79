"""An agent's shift at the desk in a real terminal: what it shows, and what it leaves behind."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

from pincli.models import EventKind
from tests.support.at_the_desk import (
    PIN,
    START,
    answer,
    drive,
    end_shift,
    look_up,
    start_desk,
)
from tests.support.desk import PROGRAM, Desk
from tests.support.failpoints import Plan
from tests.support.floor import RIGHT, WRONG, new_floor
from tests.support.tmux import Tmux, tmux

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="there is no tmux")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """The floor that each test gets a copy of."""
    floor = new_floor(tmp_path_factory.mktemp("floor"))
    floor.collected("alicia", pin=RIGHT)
    return floor


def test_a_verified_call(floor: Desk, agent: Tmux) -> None:
    """The card before the PIN, six marks, the verdict and the tally."""
    start_desk(agent)
    card = look_up(agent, "Alice T-4711")
    assert re.search("user +alice, acme", card)
    assert re.search(r"attempts +6 of 6 left", card)
    assert "VERIFIED" not in card
    screen = answer(agent, RIGHT, "\u2714  VERIFIED")
    assert "Thank you, that is correct." in screen
    assert "1 verified  0 not verified  0 locked" in screen
    assert re.search(START, screen, re.MULTILINE)
    assert end_shift(agent) == "shift over  1 call: 1 verified, 0 not verified, 0 locked"
    # The floor's PINs are hashed cheaply, so the right answer renews this one.
    attempt, verified, renewed = floor.events("alice")[-3:]
    assert (attempt.kind, verified.kind) == (EventKind.ATTEMPT, EventKind.VERIFIED)
    assert renewed.kind is EventKind.RENEWED
    assert {(each.command, each.ticket) for each in (attempt, verified)} == {("desk", "T-4711")}


def test_misses_to_the_lock(floor: Desk, agent: Tmux) -> None:
    """The caller may try again until the sixth miss locks the PIN."""
    start_desk(agent)
    look_up(agent, "alice")
    for left in (5, 4, 3, 2, 1):
        screen = answer(agent, WRONG, f"{left} of 6 left")
        assert "\u2718  NOT VERIFIED" in screen
        agent.type("9")
        agent.wait_without("NOT VERIFIED")
        agent.press("BSpace")
    answer(agent, WRONG, "has just been locked")
    assert "log in to the portal, User Management, Unlock" in agent.words
    agent.wait_for(START)
    agent.type("alice")
    agent.press("Enter")
    agent.wait_for("the PIN is locked")
    assert not re.search(PIN, agent.screen, re.MULTILINE)
    assert end_shift(agent) == "shift over  2 calls: 0 verified, 0 not verified, 2 locked"
    assert floor.user("alice").failed_attempts == 6
    assert {each.command for each in floor.events("alice")[-14:]} == {"desk"}


def test_a_beginning_opens_nobodys_card(floor: Desk, agent: Tmux) -> None:
    """It could be a namesake's, so it shows the list, and a second Enter opens the card."""
    start_desk(agent)
    agent.type("ver T-1")
    agent.wait_for("ticket T-1$")
    agent.press("Enter")
    agent.wait_for("1 person fits")
    agent.wait_for("\u203a  vera +acme +active +Vera$")
    assert not re.search(PIN, agent.screen, re.MULTILINE)
    agent.press("Enter")
    agent.wait_for(r"ticket +T-1")
    agent.wait_for(PIN)


def test_a_search_that_finds_nobody_is_recorded_without_its_words(floor: Desk, agent: Tmux) -> None:
    """The line stays for correction, with near words; only Enter is recorded, and no words."""
    start_desk(agent)
    agent.type("alcie T-1")
    agent.press("Enter")
    agent.wait_for("nobody fits")
    agent.wait_for("near words: alice")
    (event,) = [each for each in floor.events() if each.outcome == "not_found"]
    assert (event.command, event.user, event.ticket) == ("desk", None, None)
    agent.press(*["BSpace"] * 7)
    agent.wait_for("2 people fit")
    agent.type("icia")
    agent.wait_for("1 person fits")
    agent.press("Enter")
    agent.wait_for("alicia, acme")
    assert [each.outcome for each in floor.events()].count("not_found") == 1


def test_one_login_in_two_accounts(floor: Desk, agent: Tmux) -> None:
    """Both are listed, and the chosen one is charged."""
    floor.add("alice", "globex")
    start_desk(agent)
    agent.type("alice")
    agent.press("Enter")
    agent.wait_for("2 people fit")
    assert re.search(
        r"\u203a  alice +acme +active +Alice\n +alice +globex +uncollected", agent.screen
    )
    agent.press("Enter")
    agent.wait_for("alice, acme")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    agent.type("alice glob")
    agent.press("Enter", "Enter")
    agent.wait_for("NOT VERIFIED")
    agent.wait_for("alice, globex")


def test_the_keys_of_a_call(floor: Desk, agent: Tmux) -> None:
    """Ctrl-T announces it, #T-4711 adds a ticket to its attempt, Ctrl-R lists it."""
    start_desk(agent)
    look_up(agent, "alice T-1")
    agent.press("C-t")
    agent.wait_for("you are calling")
    assert (floor.user("alice").call_ref, floor.events()[-1].kind) == ("T-1", "call_begun")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    agent.type("#T-4711")
    agent.wait_for("ticket T-4711$")
    assert "VERIFIED" in agent.screen
    agent.press("Enter")
    agent.wait_for("The ticket was added")
    *_, attempt, _, _, added = floor.events("alice")
    assert (added.kind, added.ticket, added.attempt) == ("ticket_added", "T-4711", attempt.seq)
    agent.press("C-r")
    agent.wait_for(r"\d\d:\d\d +verified +alice +acme")


def test_a_call_is_cancelled(floor: Desk, agent: Tmux) -> None:
    """In the middle of the digits: nothing is charged, nobody is shown, and the shift goes on."""
    start_desk(agent)
    for user, key in (("alice", "Escape"), ("vera", "C-c")):
        used = floor.user(user).attempts_total
        look_up(agent, user)
        agent.type("4441")
        agent.press(key)
        screen = agent.wait_for("cancelled")
        assert (floor.events()[-1].kind, floor.events()[-1].user) == (EventKind.VIEWED, user)
        assert f"{user}, acme" not in screen.lower()
        assert floor.user(user).attempts_total == used
    assert "0 calls" in end_shift(agent)


def test_an_idle_desk_is_cleared(floor: Desk, agent: Tmux) -> None:
    """A verdict is cleared, and so are a card and a half-typed PIN."""
    drive(agent, idle=2.0)
    agent.wait_for(START)
    look_up(agent, "alice")
    agent.type("4441")
    agent.wait_for("Cleared")
    agent.type("59")
    agent.wait_for(r"^ caller +\*\*$")
    assert "alice, acme" not in agent.screen
    agent.press("Escape")
    look_up(agent, "alice")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    agent.wait_for("Cleared")
    assert "alice, acme" not in agent.screen
    assert "1 verified" in agent.screen
    assert floor.user("alice").attempts_total == 1


def test_the_pin_is_nowhere(floor: Desk, agent: Tmux) -> None:
    """No byte sent to the terminal holds it, and the scroll-back holds no caller's name either."""
    pin = "904617"
    floor.collected("canary", pin=pin)
    start_desk(agent)
    for _ in range(2):
        look_up(agent, "canary")
        answer(agent, pin, "\u2714  VERIFIED")
    agent.type(pin)  # where the next login belongs
    agent.press("Enter")
    agent.wait_for("nobody fits")
    agent.wait_for("digits alone could be a PIN")
    agent.press("C-u")
    agent.type(f"canary #{pin}")
    agent.press("Enter")
    agent.wait_for(r"ticket +\*{6}")
    for size in ((60, 12), (120, 40), (80, 24)):
        agent.resize(*size)
        agent.wait_for("^ PIN")
    end_shift(agent)
    assert pin.encode() not in re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", agent.sent)
    left = agent.everything
    assert "canary" not in left
    assert "VERIFIED" not in left
    assert pin not in "".join(str(event) for event in floor.events())


def test_other_sizes(floor: Desk, tmp_path: Path) -> None:
    """A whole call fits into 60 columns, and the screen follows a change of size."""
    with tmux(floor.environment(), tmp_path, columns=60) as agent:
        start_desk(agent)
        look_up(agent, "alice")
        answer(agent, RIGHT, "\u2714  VERIFIED")
        agent.resize(50, 10)
        agent.wait_for("^ Enter find.{,38}$")
        screen = agent.wait_for("\u2714")
        assert "alice, acme" in screen
        agent.resize(100, 30)
        agent.wait_for(r"Ctrl-R last calls\n?\Z")
        assert agent.screen.count("VERIFIED") == 1
        assert len(agent.screen.splitlines()) == 30
        end_shift(agent)


def test_without_utf8_or_colours(floor: Desk, tmp_path: Path) -> None:
    """LC_ALL=C and NO_COLOR: ASCII alone and no style, and the verdict is still plain."""
    settings = {"LC_ALL": "C", "NO_COLOR": "1"}
    with tmux(floor.environment(), tmp_path, settings=settings) as agent:
        start_desk(agent)
        look_up(agent, "alice")
        answer(agent, WRONG, r"\[!!\]  NOT VERIFIED")
        agent.press("Escape")
        end_shift(agent)
        desk = agent.sent
    assert desk.isascii()
    assert not re.search(rb"\x1b\[(?:[1-9][0-9;]*)m", desk)


def test_a_dumb_terminal(floor: Desk, tmp_path: Path) -> None:
    """Plain lines without escape sequences; people are chosen by number; the PIN is hidden."""
    with tmux(floor.environment(TERM="dumb"), tmp_path) as agent:
        before = len(agent.sent)
        agent.line(*PROGRAM, "desk")
        agent.wait_for("^caller:$")
        agent.type("ali T-4711")
        agent.press("Enter")
        agent.wait_for("1  alice +acme")
        agent.type("1")
        agent.press("Enter")
        agent.wait_for("^PIN:$")
        agent.type(RIGHT)
        agent.press("Enter")
        agent.wait_for("^\u2714 VERIFIED$")
        agent.wait_for(r"^caller:\s*\Z")
        agent.type("#T-9")
        agent.press("Enter")
        agent.wait_for(r"The ticket was added\.\n(.*\n)*caller:\s*\Z")
        agent.type("lara")
        agent.press("Enter")
        agent.wait_for("^\u2718 NOT VERIFIED$")
        end_shift(agent)
        sent = agent.sent[before:]
    assert b"\x1b" not in sent
    assert RIGHT.encode() not in sent
    tickets = [each.ticket for each in floor.events("alice") if each.kind != "renewed"]
    assert tickets[-3:] == ["T-4711", "T-4711", "T-9"]


def test_plain_lines_on_request(floor: Desk, agent: Tmux) -> None:
    """`--plain` in a terminal that can draw; Ctrl-C or Esc and Enter cancel a call."""
    agent.line(*PROGRAM, "desk", "--plain")
    agent.wait_for("^caller:$")
    for user, way in (("alice", ["C-c"]), ("vera", ["Escape", "Enter"])):
        agent.type(user)
        agent.press("Enter")
        agent.wait_for(rf"{user}(.*\n)*PIN:\s*\Z")
        agent.type("444")
        agent.press(*way)
        agent.wait_for(r"cancelled.*\n.*\n.*\ncaller:\s*\Z")
    end_shift(agent)
    assert b"\x1b[?1049h" not in agent.sent
    assert floor.user("alice").attempts_total == 0


def test_plain_lines_after_the_idle_time(floor: Desk, agent: Tmux) -> None:
    """An answer that comes after the idle time is not compared."""
    drive(agent, idle=1.0, plain=True)
    agent.wait_for("^caller:$")
    agent.type("alice")
    agent.press("Enter")
    agent.wait_for("^PIN:$")
    time.sleep(1.1)
    agent.type(RIGHT)
    agent.press("Enter")
    agent.wait_for("^! Cleared")
    assert floor.user("alice").attempts_total == 0


def test_an_attempt_that_can_not_be_settled_is_a_no(floor: Desk, agent: Tmux) -> None:
    """If the disk fails after the charge, nobody is verified, and the shift goes on."""
    settle = "sql:COMMIT#2"  # after that of the charge; whom to ask is no transaction
    drive(agent, Plan(at=((settle, "fail"),)))
    agent.wait_for(START)
    look_up(agent, "alice")
    answer(agent, RIGHT, "NOT VERIFIED")
    assert floor.user("alice").failed_attempts == 1
    look_up(agent, "alice")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    end_shift(agent)
    assert floor.user("alice").failed_attempts == 0


def test_without_a_store(floor: Desk, agent: Tmux) -> None:
    """The error comes before any screen is drawn."""
    floor.database.rename(floor.store / "elsewhere")
    agent.line(*PROGRAM, "desk")
    agent.wait_for("not verified: there is no store")
    agent.line("echo", "code", "$?")
    assert b"\x1b[?1049h" not in agent.sent

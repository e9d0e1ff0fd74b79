"""An agent's shift at the desk, in a real terminal: what is seen, typed, and left behind."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

import pytest

from pincli.models import EventKind
from pincli.operations import keys, people
from tests.support.at_the_desk import (
    FULL,
    PIN,
    START,
    answer,
    drive,
    get_up,
    look_up,
    sit_down,
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
    """Who it is and how they stand, before the PIN; six marks; the verdict; the tally."""
    sit_down(agent)
    card = look_up(agent, "Alice T-4711")
    assert re.search("user +alice, acme", card)
    assert re.search(r"attempts +6 of 6 left", card)
    assert "VERIFIED" not in card
    screen = answer(agent, RIGHT, "\u2714  VERIFIED")
    assert "Thank you, that is correct." in screen
    assert "1 verified  0 not verified  0 locked" in screen
    assert re.search(START, screen, re.MULTILINE)
    assert get_up(agent) == "shift over  1 call: 1 verified, 0 not verified, 0 locked"
    # The floor's PINs are hashed cheaply, so the right answer renews this one.
    attempt, verified, renewed = floor.events("alice")[-3:]
    assert (attempt.kind, verified.kind) == (EventKind.ATTEMPT, EventKind.VERIFIED)
    assert renewed.kind is EventKind.RENEWED
    assert {(each.command, each.ticket) for each in (attempt, verified)} == {("desk", "T-4711")}


def test_misses_to_the_lock(floor: Desk, agent: Tmux) -> None:
    """The same caller may try again, until the sixth miss; then even the right PIN is refused."""
    sit_down(agent)
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
    assert get_up(agent) == "shift over  2 calls: 0 verified, 0 not verified, 2 locked"
    assert floor.user("alice").failed_attempts == 6
    assert {each.command for each in floor.events("alice")[-14:]} == {"desk"}


@pytest.mark.parametrize(
    ("user", "told"),
    [("lara", "Unlock"), ("uma", "no PIN yet"), ("ina", "deactivated"), ("otto", "cloud-office")],
)
def test_who_can_not_be_verified_is_not_asked(
    floor: Desk, agent: Tmux, user: str, told: str
) -> None:
    """The verdict stands at once in the place of the question."""
    sit_down(agent)
    agent.type(user)
    agent.press("Enter")
    agent.wait_for("\u2718  NOT VERIFIED")
    assert told in agent.words
    assert re.search(START, agent.screen, re.MULTILINE)


def test_a_slip_is_not_charged(floor: Desk, agent: Tmux) -> None:
    """Five digits, a letter, nothing at all: asked again."""
    sit_down(agent)
    look_up(agent, "alice")
    for slip in ("44415", "44a159", ""):
        agent.type(slip)
        agent.press("Enter")
        agent.wait_for("not an attempt" if slip else "Esc ends the call")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    assert floor.user("alice").attempts_total == 1


def test_a_pasted_pin(floor: Desk, agent: Tmux) -> None:
    """With the line end that people copy along: it is no Enter, and the PIN is six digits."""
    sit_down(agent)
    look_up(agent, "alice")
    agent.paste(f"{RIGHT}\n")
    agent.wait_for(FULL)
    assert floor.user("alice").attempts_total == 0
    agent.press("Enter")
    agent.wait_for("\u2714  VERIFIED")


def test_a_beginning_opens_nobody_s_card(floor: Desk, agent: Tmux) -> None:
    """It could be a namesake: the list, the first one chosen, and Enter again."""
    sit_down(agent)
    agent.type("ver T-1")
    agent.wait_for("ticket T-1$")
    agent.press("Enter")
    agent.wait_for("1 person fits")
    agent.wait_for("\u203a  vera +acme +active +Vera$")
    assert not re.search(PIN, agent.screen, re.MULTILINE)
    agent.press("Enter")
    agent.wait_for(r"ticket +T-1")
    agent.wait_for(PIN)


def test_who_is_not_found_is_on_record_without_a_word(floor: Desk, agent: Tmux) -> None:
    """The line stays for correction, with near words; only Enter is recorded, no letter."""
    sit_down(agent)
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
    """Both are offered, and the one that is chosen is charged."""
    floor.add("alice", "globex")
    sit_down(agent)
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


def test_an_account_lists_its_people(floor: Desk, agent: Tmux) -> None:
    """The first ones with their states, how many there are, and one of them can be taken."""
    for number in range(60):
        floor.add(f"cust{number:02}", "bigco")
    before = len(floor.events())
    sit_down(agent)
    agent.type("BigCo")
    agent.press("Enter")
    screen = agent.wait_for("60 people fit: add a first name")
    assert len(re.findall("cust.. +bigco +uncollected +Cust", screen)) >= 12
    agent.press("Up")
    agent.wait_for("\u203a  cust19")
    agent.press("Down", "Down", "Enter")
    agent.wait_for(r"cust01, bigco")
    refused = floor.events()[before:]
    assert [(each.user, each.outcome) for each in refused] == [("cust01", "uncollected")]


def test_a_ticket_after_the_verdict(floor: Desk, agent: Tmux) -> None:
    """Added to the attempt that the verdict is about; then the shift's calls are listed."""
    sit_down(agent)
    look_up(agent, "alice")
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


def test_the_customer_sees_the_call(floor: Desk, agent: Tmux) -> None:
    """By a key, before the PIN is asked; the card stays open."""
    sit_down(agent)
    look_up(agent, "alice T-1")
    agent.press("C-t")
    agent.wait_for("you are calling")
    assert (floor.user("alice").call_ref, floor.events()[-1].kind) == ("T-1", "call_begun")
    answer(agent, RIGHT, "\u2714  VERIFIED")


def test_a_pasted_row_is_searched_for(floor: Desk, agent: Tmux) -> None:
    """Of a spreadsheet: each cell as a login, and what looks like a ticket is the ticket."""
    sit_down(agent)
    agent.paste("Vera\tvera\tT-4711\n")
    agent.wait_for("ticket T-4711$")
    agent.press("Enter")
    screen = agent.wait_for(PIN)
    assert re.search("user +vera, acme", screen)
    assert re.search("ticket +T-4711", screen)


@pytest.mark.parametrize("key", ["Escape", "C-c"])
def test_a_call_is_cancelled(floor: Desk, agent: Tmux, key: str) -> None:
    """In the middle of the digits: nothing is charged, nobody is shown, the shift goes on."""
    sit_down(agent)
    look_up(agent, "alice")
    agent.type("4441")
    agent.press(key)
    screen = agent.wait_for("cancelled")
    assert (floor.events()[-1].kind, floor.events()[-1].user) == (EventKind.VIEWED, "alice")
    assert "alice, acme" not in screen.lower()
    assert floor.user("alice").attempts_total == 0
    look_up(agent, "vera")
    agent.press(key)
    agent.wait_for("cancelled")
    assert "0 calls" in get_up(agent)


def test_an_idle_desk_is_cleared(floor: Desk, agent: Tmux) -> None:
    """A verdict goes, and so does a half-typed PIN: neither person nor digits wait for anybody."""
    drive(agent, idle=1.0)
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
    """Not in a byte that the terminal got, nor in what scrolled away; nor is a caller's name."""
    pin = "904617"
    floor.collected("canary", pin=pin)
    sit_down(agent)
    for _ in range(2):
        look_up(agent, "canary")
        answer(agent, pin, "\u2714  VERIFIED")
    agent.type(pin)  # in the place of the next login
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
    get_up(agent)
    assert pin.encode() not in re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", agent.sent)
    left = agent.everything
    assert "canary" not in left
    assert "VERIFIED" not in left
    assert pin not in "".join(str(event) for event in floor.events())


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_other_widths(floor: Desk, tmp_path: Path, columns: int) -> None:
    """A whole call fits, and after a change of size it is whole again."""
    with tmux(floor.environment(), tmp_path, columns=columns) as agent:
        sit_down(agent)
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
        get_up(agent)


def test_without_utf8_or_colours(floor: Desk, tmp_path: Path) -> None:
    """LC_ALL=C and NO_COLOR: ASCII alone, no style, and the verdict is as plain to see."""
    settings = {"LC_ALL": "C", "NO_COLOR": "1"}
    with tmux(floor.environment(), tmp_path, settings=settings) as agent:
        sit_down(agent)
        look_up(agent, "alice")
        answer(agent, WRONG, r"\[!!\]  NOT VERIFIED")
        agent.press("Escape")
        get_up(agent)
        desk = agent.sent
    assert desk.isascii()
    assert not re.search(rb"\x1b\[(?:[1-9][0-9;]*)m", desk)


def test_a_dumb_terminal(floor: Desk, tmp_path: Path) -> None:
    """Plain lines, a PIN unseen, no escape sequence, names by number, and the same calls."""
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
        agent.wait_for("^caller:$")
        agent.type("lara")
        agent.press("Enter")
        agent.wait_for("^\u2718 NOT VERIFIED$")
        get_up(agent)
        sent = agent.sent[before:]
    assert b"\x1b" not in sent
    assert RIGHT.encode() not in sent
    assert floor.events("alice")[-2].ticket == "T-4711"


@pytest.mark.parametrize("way", [["C-c"], ["Escape", "Enter"]])
def test_lines_where_they_are_asked_for(floor: Desk, agent: Tmux, way: list[str]) -> None:
    """`--plain` in a terminal that could draw, as for a screen reader; Ctrl-C ends a call there."""
    agent.line(*PROGRAM, "desk", "--plain")
    agent.wait_for("^caller:$")
    for _ in range(2):
        agent.type("alice")
        agent.press("Enter")
        agent.wait_for(r"^PIN:\s*\Z")
        agent.type("444")
        agent.press(*way)
        agent.wait_for(r"cancelled.*\n.*\n.*\ncaller:\s*\Z")
    get_up(agent)
    assert b"\x1b[?1049h" not in agent.sent
    assert floor.user("alice").attempts_total == 0


def test_lines_that_waited_too_long(floor: Desk, agent: Tmux) -> None:
    """An answer that comes after the idle time is nobody's."""
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


# What happens meanwhile.


@pytest.mark.parametrize("key", [keys.KeyKind.VERIFY, keys.KeyKind.AUDIT])
@pytest.mark.parametrize("at", ["between calls", "at the question"])
def test_a_rotated_key_is_taken_up(floor: Desk, agent: Tmux, at: str, key: keys.KeyKind) -> None:
    """Somebody rotates a key in mid shift; the next answers are compared as before."""
    sit_down(agent)
    if at == "at the question":
        look_up(agent, "alice")
    with floor.session() as session:
        keys.rotate(session, key)
    if at == "between calls":
        look_up(agent, "alice")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    look_up(agent, "alice")
    answer(agent, RIGHT, "2 verified")
    assert "VERIFIED" in agent.screen


def test_a_user_switched_off_at_the_question(floor: Desk, agent: Tmux) -> None:
    """The answer goes by how the user stands then."""
    sit_down(agent)
    look_up(agent, "alice")
    with floor.session() as session:
        people.set_active(session, "alice", active=False, reason=None)
    answer(agent, RIGHT, "NOT VERIFIED")
    assert "deactivated" in agent.screen
    assert floor.user("alice").attempts_total == 0


def test_a_missing_key_is_a_no_and_the_shift_goes_on(floor: Desk, agent: Tmux) -> None:
    """Said with what to do; once the key is back, the next call is answered."""
    sit_down(agent)
    key = floor.keys / "verify.key"
    key.rename(floor.keys / "elsewhere")
    agent.type("alice")
    agent.press("Enter")
    agent.wait_for("NOT VERIFIED")
    assert "a key is missing" in agent.words
    (floor.keys / "elsewhere").rename(key)
    look_up(agent, "alice")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    assert get_up(agent) == "shift over  1 call: 1 verified, 0 not verified, 0 locked"


def test_an_attempt_that_can_not_be_settled_is_a_no(floor: Desk, agent: Tmux) -> None:
    """The disk fails after the charge: not verified, charged, and the shift goes on."""
    settle = "sql:COMMIT#2"  # after that of the charge; whom to ask is no transaction
    drive(agent, Plan(at=((settle, "fail"),)))
    agent.wait_for(START)
    look_up(agent, "alice")
    answer(agent, RIGHT, "NOT VERIFIED")
    assert floor.user("alice").failed_attempts == 1
    look_up(agent, "alice")
    answer(agent, RIGHT, "\u2714  VERIFIED")
    get_up(agent)
    assert floor.user("alice").failed_attempts == 0


def test_no_lock_is_held_while_the_agent_is_asked(floor: Desk, agent: Tmux) -> None:
    """Others verify, unlock and write, at any question, without waiting for the agent."""
    sit_down(agent)
    assert floor.verify("vera", RIGHT).code == 0
    look_up(agent, "alice")
    agent.type("444")
    assert floor.verify("alice", RIGHT).code == 0
    assert floor.run("unlock", "lara", "--reason", "rang").code == 0
    agent.type("159")
    agent.press("Enter")
    agent.wait_for("\u2714  VERIFIED")


def test_the_desk_has_no_store_to_work_on(floor: Desk, agent: Tmux) -> None:
    """It is said before any screen is drawn, as exit 8."""
    floor.database.rename(floor.store / "elsewhere")
    agent.line(*PROGRAM, "desk")
    agent.wait_for("not verified: there is no store")
    agent.line("echo", "code", "$?")
    assert b"\x1b[?1049h" not in agent.sent

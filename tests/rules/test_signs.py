"""Signs of an attack: at each bound and below it, at each window's edge, and what clears them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from pincli.rules.signs import DAY, DEFAULTS, LONGEST_WINDOW, WEEK, Evidence, Subject, signs
from pincli.rules.slips import (
    KNOWN_WITHIN,
    RESOLVED_WITHIN,
    Calls,
    Known,
    SignEvent,
    Usual,
    unfollowed,
    unresolved,
    usual_of,
    within,
    working,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
NO_CALLS = Calls(0, {}, {})
AT_FIRST = Usual(0, NO_CALLS, 0.01, 0.01)
KNOWN = Usual(10, Calls(1000, {"acme": 100}, {"amy": 200}), 0.1, 0.2)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def when(ago: timedelta = timedelta(hours=1)) -> str:
    """A time that long ago."""
    return f"{NOW - ago:%Y-%m-%dT%H:%M:%SZ}"


def noted(
    number: int,
    user: int | None = 0,
    ago: timedelta = timedelta(hours=1),
    agent: str = "amy",
    then: str | None = None,
    word: str | None = None,
) -> SignEvent:
    """An event of a user of acme; events are numbered from 1."""
    uid = None if user is None else bytes([user])
    return SignEvent(number + 1, when(ago), agent, uid, "acme", 1, word, then)


def found(
    usual: Usual = AT_FIRST,
    *,
    wrong: Sequence[SignEvent] = (),
    unlocks: Sequence[SignEvent] = (),
    locks: Sequence[SignEvent] = (),
    names: Sequence[SignEvent] = (),
    version: int = 1,
    acknowledged: dict[Subject, int] | None = None,
) -> dict[tuple[str, str], int]:
    """Kind, sign and number of what is found."""
    evidence = Evidence(
        *(NOW, wrong, unresolved(wrong), unlocks, locks, names),
        {bytes([user]): version for user in range(256)},
        acknowledged or {},
    )
    return {(each.kind, each.sign): each.counted for each in signs(evidence, usual)}


def users(number: int, ago: timedelta = timedelta(hours=1), agent: str = "") -> list[SignEvent]:
    """Wrong answers of that many users, each with an agent of its own unless one is named."""
    return [noted(each, each, ago, agent or f"agent{each}") for each in range(number)]


def times(number: int, ago: timedelta = timedelta(hours=1)) -> list[SignEvent]:
    """That many wrong answers of one user, an hour apart; `ago` is the last."""
    apart = timedelta(hours=1)
    return [noted(each, 0, ago + apart * (number - each - 1), f"a{each}") for each in range(number)]


def names(number: int, ago: timedelta = timedelta(hours=1), agent: str = "amy") -> list[SignEvent]:
    """That many unknown names."""
    return [noted(each, None, ago, agent, word=f"nobody{each}") for each in range(number)]


UNLOCK = noted(0, ago=timedelta(hours=9))
BOUNDS: dict[tuple[str, str], tuple[int, Callable[[int], dict[tuple[str, str], int]]]] = {
    ("user", "locked_again"): (2, lambda n: found(locks=times(n))),
    ("user", "unresolved"): (10, lambda n: found(wrong=times(n))),
    ("user", "failing_after_unlock"): (
        3, lambda n: found(wrong=[noted(each + 1) for each in range(n)], unlocks=[UNLOCK])
    ),
    ("account", "day"): (3, lambda n: found(wrong=users(n))),
    ("account", "week"): (4, lambda n: found(wrong=users(n, 3 * DAY))),
    ("agent", "day"): (4, lambda n: found(wrong=users(n, agent="amy"))),
    ("agent", "week"): (4, lambda n: found(wrong=users(n, 3 * DAY, "amy"))),
    ("agent", "burst"): (9, lambda n: found(wrong=[noted(each, each % 3) for each in range(n)])),
    ("agent", "any_wrong"): (
        18, lambda n: found(KNOWN, wrong=[e._replace(then=f"verified {e.at}")
                                          for e in users(n, agent="amy")])
    ),
    ("agent", "any_wrong_week"): (
        50, lambda n: found(KNOWN, wrong=[e._replace(then=f"verified {e.at}")
                                          for e in users(n, 3 * DAY, "amy")])
    ),
    ("agent", "names"): (5, lambda n: found(names=names(n))),
    ("floor", "day"): (10, lambda n: found(wrong=users(n))),
    ("floor", "names"): (
        10, lambda n: found(names=[noted(e, None, agent=f"a{e}", word=f"{e}") for e in range(n)])
    ),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "sign"), BOUNDS)
def test_a_sign_begins_at_its_bound(kind: str, sign: str) -> None:
    """One less is no sign; more than the bound are counted."""
    bound, having = BOUNDS[kind, sign]
    assert (kind, sign) not in having(bound - 1)
    assert having(bound)[kind, sign] == bound
    assert having(bound + 2)[kind, sign] == bound + 2


def test_what_a_right_answer_followed_is_a_burst_at_most() -> None:
    """However many there are: of accounts and agents only what is unresolved counts."""
    for ago in (HOUR, 3 * DAY):
        put_right = [each._replace(then=f"verified {each.at}") for each in users(20, ago, "amy")]
        assert {*found(wrong=put_right)} <= {("agent", "burst")}


def test_what_is_usual_raises_the_bound() -> None:
    """In these hundred calls of a day an account has ten users more, and an agent twenty."""
    for number, ago, bound in (
        (6, HOUR, ("account", "day")),
        (10, HOUR, ("agent", "day")),
        (30, HOUR, ("floor", "day")),
        (19, 3 * DAY, ("account", "week")),
        (34, 3 * DAY, ("agent", "week")),
    ):
        wrong = users(number, ago, "amy")
        assert bound in found(KNOWN, wrong=wrong)
        assert bound not in found(KNOWN, wrong=wrong[1:])


def test_a_name_of_the_last_two_minutes_is_no_sign_yet() -> None:
    """A known one may still follow."""
    for ago, is_sign in ((KNOWN_WITHIN - SECOND, False), (KNOWN_WITHIN, True)):
        assert (("agent", "names") in found(names=names(5, ago))) is is_sign


@pytest.mark.parametrize(
    ("window", "sign", "make"),
    [
        (DAY + RESOLVED_WITHIN, ("account", "day"), lambda ago: found(wrong=users(3, ago))),
        (WEEK + RESOLVED_WITHIN, ("account", "week"), lambda ago: found(wrong=users(4, ago))),
        (LONGEST_WINDOW, ("user", "locked_again"), lambda ago: found(locks=times(2, ago - HOUR))),
        (DAY, ("agent", "burst"),
         lambda ago: found(wrong=[noted(e, e % 3, ago) for e in range(9)])),
    ],
)  # fmt: skip
def test_a_window_ends_at_now_and_to_the_second(
    window: timedelta,
    sign: tuple[str, str],
    make: Callable[[timedelta], dict[tuple[str, str], int]],
) -> None:
    """Its first second counts, the one before does not, and the future never does."""
    assert sign in make(window)
    assert sign not in make(window + SECOND)
    assert sign not in make(-2 * HOUR)


@pytest.mark.parametrize(
    ("then", "resolved"),
    [
        (None, False),
        (f"verified {when(HOUR)}", True),
        (f"verified {when(HOUR - RESOLVED_WITHIN)}", True),
        (f"verified {when(HOUR - RESOLVED_WITHIN - SECOND)}", False),
        (f"verified {when(2 * HOUR)}", True),
        ("verified no time", False),
    ],
)
def test_a_right_answer_in_time_makes_a_slip(then: str | None, resolved: bool) -> None:
    """Within 15 minutes to the second; a clock that was set back makes nothing worse."""
    assert (unresolved([noted(1, then=then)]) == []) is resolved


def test_several_wrong_answers_have_one_right_one() -> None:
    """The right answer after the last of them counts for all that are near enough."""
    right = f"verified {when(timedelta(minutes=50))}"
    wrong = [
        noted(1, ago=timedelta(minutes=66), then="incorrect x"),
        noted(2, ago=timedelta(minutes=60), then="incorrect x"),
        noted(3, 1, ago=timedelta(minutes=59)),
        noted(4, ago=timedelta(minutes=55), then=right),
    ]
    assert [event.number for event in unresolved(wrong)] == [2, 4]


def test_until_its_time_is_up_a_wrong_answer_is_not_unresolved() -> None:
    """The caller may still give the right digits."""
    ago = RESOLVED_WITHIN
    assert ("account", "day") in found(wrong=users(3, ago))
    assert ("account", "day") not in found(wrong=users(3, ago - SECOND))


def test_a_new_pin_clears_what_is_about_users_and_accounts_only() -> None:
    """A reset never hides an agent who guesses."""
    wrong = [noted(each, each % 5) for each in range(60)]
    before = found(wrong=wrong, locks=times(2), unlocks=[UNLOCK])
    after = found(wrong=wrong, locks=times(2), unlocks=[UNLOCK], version=2)
    assert {kind for kind, _ in before} == {"user", "account", "agent"}
    assert set(before) - set(after) == {each for each in before if each[0] in ("user", "account")}


@pytest.mark.parametrize(
    ("subject", "sign"),
    [
        (("user", bytes([0])), ("user", "unresolved")),
        (("account", "acme"), ("account", "day")),
        (("agent", "amy"), ("agent", "burst")),
        (("floor", "all"), ("floor", "names")),
    ],
)
def test_after_an_acknowledgement_it_counts_from_there(
    subject: Subject, sign: tuple[str, str]
) -> None:
    """Older events no longer count, for that subject only."""
    wrong = [noted(each, each % 3 if each > 45 else 0) for each in range(60)]
    unknown = names(60, agent="ben")
    before = found(wrong=wrong, names=unknown)
    assert sign in before
    gone = found(wrong=wrong, names=unknown, acknowledged={subject: 60})
    assert set(before) - set(gone) == {each for each in before if each[0] == subject[0]} - {
        ("agent", "names")
    }
    assert sign in found(wrong=wrong, names=unknown, acknowledged={subject: 20})


def test_a_right_answer_ends_what_an_unlock_began() -> None:
    """Later wrong answers don't count; three before it remain a sign, as it may be a guess."""
    first = [noted(1), noted(2, then=f"verified {when()}"), noted(4), noted(5), noted(6)]
    assert found(wrong=first, unlocks=[UNLOCK]) == {}
    guessed = [noted(1), noted(2), noted(3, then=f"verified {when()}")]
    assert ("user", "failing_after_unlock") in found(wrong=guessed, unlocks=[UNLOCK])
    at_once = UNLOCK._replace(then=f"verified {when(8 * HOUR)}")
    assert found(wrong=first[2:], unlocks=[at_once]) == {}


def test_a_burst_is_of_half_an_hour_and_three_users() -> None:
    """Nine wrong answers of two users, or over a longer time, are no burst."""
    assert found(wrong=[noted(each, each % 2) for each in range(9)]) == {}
    spread = [noted(each, each % 3, HOUR * 9 - each * HOUR / 15) for each in range(9)]
    assert ("agent", "burst") not in found(wrong=spread)


def test_a_time_that_somebody_edited_ends_no_search() -> None:
    """An event whose time can't be read is in no burst, and the others are."""
    wrong = [noted(each, each % 3) for each in range(9)]
    edited = noted(20)._replace(at="2026-11-24T10:0x:00Z")
    assert found(wrong=[edited]) == {}
    assert ("agent", "burst") in found(wrong=[*wrong, edited])


def following(*events: SignEvent, page: int = 1) -> Callable[[int], Iterator[list[Known]]]:
    """The events about users above a number, in pages."""

    def pages(number: int) -> Iterator[list[Known]]:
        above = [event[:3] for event in events if event.number > number]
        yield from (above[place : place + page] for place in range(0, len(above), page))

    return pages


@pytest.mark.parametrize(
    ("seconds", "agent", "is_alone"),
    [(1, "amy", False), (120, "amy", False), (121, "amy", True), (1, "ben", True)],
)
def test_a_known_name_makes_a_typing_error(seconds: int, agent: str, is_alone: bool) -> None:
    """A known name within two minutes, from the same agent, makes the unknown one a slip."""
    unknown = noted(5, None, word="nobdy")
    known = noted(6, 0, HOUR - seconds * SECOND, agent)
    before = noted(4, 0, HOUR)
    assert (unfollowed([unknown], following(before, known), NOW) == [unknown]) is is_alone


@pytest.mark.parametrize("page", [1, 2, 7, 1000])
def test_many_names_among_many_calls(page: int) -> None:
    """Each is judged by the next known name of its own agent, however the events are read."""
    chance = random.Random(page)
    events = [
        noted(n, None if chance.random() < 0.2 else 0, HOUR * 3 - n * 20 * SECOND, agent)
        for n, agent in enumerate(chance.choices(["amy", "ben", "cas", "dan"], k=400))
    ]
    unknown = [event for event in events if event.uid is None]
    known = [event for event in events if event.uid is not None]

    def is_alone(event: SignEvent) -> bool:
        its = [e for e in known if e.number > event.number and e.agent == event.agent]
        return not its or not within(event.at, its[0].at, KNOWN_WITHIN)

    found = unfollowed(unknown, following(*known, page=page), NOW)
    assert found == [event for event in unknown if is_alone(event)]
    assert 0 < len(found) < len(unknown)


def test_a_name_just_asked_for_is_not_judged_yet() -> None:
    """It is judged after two minutes."""
    just = noted(5, None, timedelta(seconds=119), word="nobdy")
    assert unfollowed([just], following(), NOW) == []
    assert unfollowed([just], following(), NOW + SECOND) == [just]


def test_names_are_counted_once() -> None:
    """Typing the same wrong name five times is no sign."""
    again = [event._replace(word="nobdy") for event in names(9)]
    assert ("agent", "names") not in found(names=again)


def test_what_is_usual_comes_from_working_days() -> None:
    """It is users per call, for each day; with too few days it is one in a hundred."""
    days = [(f"2026-11-{day}", Calls(50, {"acme": 50}, {"amy": 50})) for day in range(10, 20)]
    wrong = [noted(n, n % 2)._replace(at=f"2026-11-{10 + n % 10}T09:00:00Z") for n in range(20)]
    usual = usual_of(days, wrong, wrong[:10])
    assert (usual.days, usual.calls.of_account["acme"]) == (10, 500)
    assert (usual.unresolved, usual.wrong) == (10 / 500, 10 / 500)
    assert usual_of(days[:4], wrong, wrong)[2:] == (0.01, 0.01)
    sunday = ("2026-11-09", Calls(4, {}, {}))
    assert working([*days, sunday]) == days


def test_every_bound_is_a_number_above_nothing() -> None:
    """Every default bound is a positive whole number."""
    assert all(type(bound) is int and bound > 0 for bound in DEFAULTS)

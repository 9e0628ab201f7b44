"""The phone of the pytest plugin: AWS takes each of its codes, none is given twice, and it seldom waits."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from latchkey_sandbox.phone import STEP, Phone

from app.sandbox.operations.totp import take_code, take_pair
from app.sandbox.state import Device

SEED = base64.b32encode(b"forty bytes, as many as AWS's seeds have").decode()


class World:
    """A phone, AWS's side of its device, and a clock that only sleeping moves."""

    def __init__(self, starts_at: float = 1_800_000_000) -> None:
        self.time = starts_at
        self.slept: list[float] = []
        self.phone = Phone(SEED, now=lambda: self.time, sleep=self.sleep)
        self.device = Device("serial", SEED, self.now())

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.time, UTC)

    def give_pair(self) -> bool:
        return take_pair(self.device, *self.phone.pair(), self.now())

    def give_code(self) -> bool | None:
        return take_code(self.device, self.phone.code(), self.now())


@pytest.fixture
def world() -> World:
    made = World()
    assert made.give_pair()
    return made


def test_the_first_codes_need_no_waiting(world: World) -> None:
    assert [world.give_code() for _ in range(3)] == [True] * 3
    assert world.slept == []


def test_when_all_codes_are_used_it_waits_for_the_next_one_and_no_longer(world: World) -> None:
    world.time += 4
    for _ in range(3):
        world.phone.code()
    assert world.give_code() and world.slept == [STEP - 4]


@pytest.mark.parametrize("into_step", [0, 7, 19, 20, 25, 29.9])
def test_whenever_it_is_asked_and_however_often_aws_takes_every_code(into_step: float) -> None:
    """AWS verifies at most nine codes in three minutes: a phone that waits for codes doesn't reach that."""
    world = World(1_800_000_000 + into_step)
    assert world.give_pair()
    assert [world.give_code() for _ in range(40)] == [True] * 40
    assert sum(world.slept) <= 38 * STEP, "no longer than the codes last"


@pytest.mark.parametrize("change", [lambda world: world.give_pair(), lambda world: world.phone.code()])
def test_pairs_and_codes_keep_out_of_each_others_way(world: World, change: Callable[[World], object]) -> None:
    for _ in range(5):
        change(world)
        assert world.give_pair() and world.give_code()
    assert world.slept.count(0) == 0


def test_a_code_that_is_about_to_be_too_old_is_not_given(world: World) -> None:
    """What is two steps old at the end of a step would arrive three steps old."""
    world.time += 25
    for _ in range(3):
        code = world.phone.code()
        assert take_code(world.device, code, world.now() + timedelta(seconds=9))


def test_a_phone_whose_clock_goes_wrong_is_refused_until_it_is_resynced(world: World) -> None:
    world.phone.wrong_by = timedelta(minutes=20)
    assert world.give_code() is False
    assert world.give_pair() and world.give_code()


def test_a_phone_with_a_wrong_clock_can_be_set_up() -> None:
    world = World()
    world.phone.wrong_by = -timedelta(hours=2)
    assert world.give_pair() and world.give_code() and world.slept == []


def test_the_code_on_the_screen_is_that_of_this_moment(world: World) -> None:
    shown = world.phone.shown()
    assert shown == world.phone.shown()
    world.time += world.phone.seconds_left()
    assert world.phone.shown() != shown
    assert SEED not in repr(world.phone)

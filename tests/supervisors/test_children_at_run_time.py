"""Children that come and go by message, of every strategy: as processes under `up`, and as actors of one process."""

import contextlib
import signal

import pytest

from actors.supervision import AddChild, DeleteChild, RestartChild, StartChild, StopChild
from tests.supervisors.echo_house import Collapse, Leave, Lift
from transport.errors import Conflict, Invalid, NotFound, Unavailable


@pytest.fixture(params=["up", "single"])
def mode(request):
    return request.param


@pytest.fixture
def open_house(house, mode):
    """Makes a house of static children; keyword arguments are the supervisor's flags."""
    return lambda **flags: Workplace(house(mode=mode, supervisor=flags))


@pytest.fixture
def dynamic_house(house, mode):
    """Makes a house of a template; `template` holds its rules, other keyword arguments are the supervisor's flags."""

    def make(template=None, **flags):
        flags = {"strategy": "simple_one_for_one", "children": (), "template": template or {}, **flags}
        return Workplace(house(mode=mode, supervisor=flags))

    return make


class Workplace:
    """A house, with what operators say to its supervisor."""

    def __init__(self, home):
        self.home = home

    async def __aenter__(self):
        await self.home.__aenter__()
        await self.home.ready()
        return self

    async def __aexit__(self, *error):
        await self.home.__aexit__(*error)

    async def ask(self, message, **options):
        return await self.home.client.ref("supervisor").ask(message, timeout=20, **options)

    async def add(self, child, **options):
        return (await self.ask(AddChild(child=child), **options)).child

    async def states(self):
        return {name: child.state for name, child in (await self.home.children()).items()}

    async def lift(self, name):
        return await self.home.client.ref(name).ask(Lift(), timeout=10)

    def tell(self, name, message):
        self.home.client.ref(name).tell(message)

    async def stopped(self, name):
        """Until the supervisor has said that the child is down."""
        await self.home.line(f"{name:<12} stopped")

    async def restarted(self, name):
        while "restarts:" not in await self.home.line(f"{name:<12} ready"):
            pass


class TestOfATemplate:
    async def test_none_at_the_start_then_by_name_and_forgotten_when_stopped(self, dynamic_house):
        async with dynamic_house() as house:
            assert await house.states() == {}

            assert (await house.add("w1")).state == "ready"
            await house.add("w2")
            assert (await house.lift("w2")).text == ""
            assert await house.states() == {"w1": "ready", "w2": "ready"}
            with pytest.raises(Conflict, match="'w1' already; it is ready"):
                await house.add("w1")

            stopped = (await house.ask(StopChild(name="w1"))).child
            assert (stopped.state, stopped.pid) == ("stopped", None)
            assert await house.states() == {"w2": "ready"}
            for message in (StopChild, StartChild, RestartChild, DeleteChild):
                with pytest.raises(NotFound):
                    await house.ask(message(name="w1"))
            with pytest.raises(Conflict, match="w2 is ready; stop it first"):
                await house.ask(DeleteChild(name="w2"))

            assert (await house.add("w1")).restarts == 0

    async def test_only_a_name_is_said_for_the_rules_are_the_templates(self, dynamic_house):
        async with dynamic_house() as house:
            with pytest.raises(Invalid, match="children are made of the template here"):
                await house.add({"name": "w1", "restart": "temporary"})
            for name in ("", "../w1", "w" * 27):
                with pytest.raises(ValueError, match="should match pattern"):
                    await house.add(name)
            with pytest.raises(Invalid, match="name of who supervises"):
                await house.add("supervisor")

            assert await house.states() == {}

    async def test_one_that_fails_is_restarted_alone_under_its_name(self, dynamic_house):
        async with dynamic_house() as house:
            first, second = await house.add("w1"), await house.add("w2")
            house.tell("w1", Collapse())
            await house.restarted("w1")

            children = await house.home.children()
            assert (children["w1"].restarts, children["w2"].restarts) == (1, 0)
            assert children["w2"].pid == second.pid
            assert (children["w1"].pid == first.pid) is (house.home.mode == "single")

    async def test_one_that_cannot_start_leaves_no_trace(self, dynamic_house):
        async with dynamic_house() as house:
            broken = house.home.root / "broken-w1"
            broken.touch()
            with pytest.raises(Unavailable, match="w1 is broken on purpose"):
                await house.add("w1")
            assert await house.states() == {}

            broken.unlink()
            assert (await house.add("w1")).state == "ready"

    async def test_one_whose_restarts_fail_takes_all_with_it_where_the_rule_is_to_terminate(self, dynamic_house):
        async with dynamic_house(escalation="terminate", intensity=4, period_s=3600) as house:
            await house.add("w1")
            await house.add("w2")
            (house.home.root / "broken-w1").touch()
            house.tell("w1", Collapse())

            await house.stopped("w2")
            if house.home.mode == "single":
                assert await house.home.process.wait() == 1
            else:
                # Children added at run time do not survive a supervisor that ends by itself.
                await house.home.line("starting it again")
                assert await house.states() == {}

    async def test_all_are_asked_to_stop_before_the_first_is_down(self, dynamic_house):
        async with dynamic_house({"shutdown": 1.0}) as house:
            for name in ("w1", "w2", "w3"):
                (house.home.root / f"slow-{name}").touch()
                await house.add(name)

            house.home.process.send_signal(signal.SIGTERM)
            assert await house.home.process.wait() == 0
            with contextlib.suppress(AssertionError):
                await house.home.line("a line that never comes")
            words = [line.split()[2] for line in house.home.lines]
            assert [word for word in words if word in ("draining", "stopped")] == ["draining"] * 3 + ["stopped"] * 3

    async def test_brutal_children_are_gone_at_once(self, dynamic_house):
        async with dynamic_house({"shutdown": "brutal", "restart": "temporary"}) as house:
            for number in range(5):
                (house.home.root / f"slow-w{number}").touch()
                await house.add(f"w{number}")

            assert (await house.ask(StopChild(name="w0"))).child.state == "stopped"
            house.home.watch_all()
            house.home.process.send_signal(signal.SIGTERM)
            assert await house.home.process.wait() == 0
            await house.home.gone()


class TestOfTheirOwnRules:
    async def test_added_stopped_started_and_deleted(self, open_house):
        async with open_house() as house:
            with pytest.raises(Conflict, match="'echo' already"):
                await house.add("echo")
            with pytest.raises(Conflict, match="echo is ready; stop it first"):
                await house.ask(DeleteChild(name="echo"))
            for message in (StopChild, StartChild, RestartChild, DeleteChild):
                with pytest.raises(NotFound, match="other, echo"):
                    await house.ask(message(name="w1"))

            assert (await house.add({"name": "w1", "shutdown": 1.0})).state == "ready"
            assert list(await house.states()) == ["other", "echo", "w1"]
            for _ in range(2):
                assert (await house.ask(StopChild(name="w1"))).child.state == "stopped"
            with pytest.raises(Conflict, match="'w1' already; it is stopped"):
                await house.add("w1")
            assert (await house.ask(StartChild(name="w1"))).child.state == "ready"

            await house.ask(StopChild(name="w1"))
            assert (await house.ask(DeleteChild(name="w1"))).name == "w1"
            assert list(await house.states()) == ["other", "echo"]
            with pytest.raises(NotFound):
                await house.ask(StartChild(name="w1"))
            assert (await house.add("w1")).state == "ready"

    async def test_one_that_cannot_start_is_not_kept(self, open_house):
        async with open_house(escalation="terminate", intensity=0) as house:
            (house.home.root / "broken-w1").touch()
            with pytest.raises(Unavailable, match="w1 is broken on purpose"):
                await house.add("w1")

            assert await house.states() == {"other": "ready", "echo": "ready"}

    async def test_significance_needs_flags_that_know_of_it(self, open_house):
        async with open_house() as house:
            with pytest.raises(Invalid, match="auto_shutdown is never"):
                await house.add({"name": "w1", "restart": "transient", "significant": True})

    @pytest.mark.parametrize("end", ["stopped", "normal", "abnormal", "killed"])
    async def test_what_is_left_of_one_that_has_ended(self, open_house, end):
        async with open_house() as house:
            for restart in ("permanent", "transient", "temporary"):
                await house.add({"name": restart, "restart": restart})
            if end == "killed" and house.home.mode == "single":
                pytest.skip("what cannot be killed alone")

            comes_back = {
                "stopped": (),
                "normal": ("permanent",),
                "abnormal": ("permanent", "transient"),
                "killed": ("permanent", "transient"),
            }[end]
            for restart in ("permanent", "transient", "temporary"):
                match end:
                    case "stopped":
                        await house.ask(StopChild(name=restart))
                    case "normal":
                        house.tell(restart, Leave())
                    case "abnormal":
                        house.tell(restart, Collapse())
                    case "killed":
                        house.home.kill((await house.lift(restart)).pid)
                await (house.restarted(restart) if restart in comes_back else house.stopped(restart))

            states = await house.states()
            assert "temporary" not in states
            assert [name for name in ("permanent", "transient") if states[name] == "ready"] == list(comes_back)
            assert (await house.add({"name": "temporary", "restart": "temporary"})).state == "ready"

    async def test_a_group_that_is_restarted_forgets_its_temporary_members(self, open_house):
        async with open_house(strategy="rest_for_one") as house:
            await house.add("w1")
            await house.add({"name": "w2", "restart": "temporary"})
            await house.add("w3")
            house.tell("w1", Collapse())
            await house.restarted("w3")

            assert await house.states() == dict.fromkeys(("other", "echo", "w1", "w3"), "ready")


class TestWhenTheSupervisorIsKilled:
    async def replace(self, home):
        home.kill(home.supervisor_pid())
        await home.line("starting it again")

    async def test_what_was_added_goes_on_and_what_was_deleted_stays_away(self, house):
        async with Workplace(house()) as place:
            added = await place.add("w1")
            short = await place.add({"name": "w2", "restart": "temporary"})
            await place.ask(StopChild(name="other"))
            await place.ask(DeleteChild(name="other"))
            place.home.kill(place.home.supervisor_pid())
            place.home.kill(short.pid)
            await place.home.line("starting it again")

            children = await place.home.children()
            assert list(children) == ["echo", "w1"]
            assert (children["w1"].pid, children["w1"].restarts) == (added.pid, 0)
            await place.ask(StopChild(name="w1"))
            await place.ask(DeleteChild(name="w1"))
            assert list(await place.states()) == ["echo"]

    async def test_a_template_has_its_children_back(self, house):
        flags = {"strategy": "simple_one_for_one", "children": (), "template": {}}
        async with Workplace(house(supervisor=flags)) as place:
            first, second = await place.add("w1"), await place.add("w2")
            place.home.kill(place.home.supervisor_pid())
            place.home.kill(first.pid)
            await place.home.line("starting it again")

            assert (await place.lift("w1")).pid != first.pid
            assert (await place.lift("w2")).pid == second.pid
            await place.ask(StopChild(name="w2"))
            assert list(await place.states()) == ["w1"]

    async def test_the_call_that_added_one_is_made_again_and_adds_nothing(self, house):
        async with Workplace(house()) as place:
            added = await place.add("w1", key="k1")
            await self.replace(place.home)

            assert (await place.add("w1", key="k1")).pid == added.pid
            with pytest.raises(Conflict):
                await place.add("w1", key="k2")

"""A strategy without processes: events go in by hand, and what it asks for is done at once."""

import random

from supervisors.actions import End, Start, Stop
from supervisors.spec import ChildSpec, SupervisorSpec
from supervisors.strategy import Strategy

CRASH = End("abnormal", "exit 1")
KILL = End("killed", "signal 9 (SIGKILL)")
NORMAL = End("normal", "exit 0")
ASKED = End("shutdown", "exit 0")


class Drive:
    """A strategy, a clock turned by hand, and a record of all that was asked for."""

    def __init__(self, *children, **flags):
        self.now = 1000.0
        specs = tuple(ChildSpec(name=child) if isinstance(child, str) else child for child in children)
        flags.setdefault("escalation", "terminate")
        self.strategy = Strategy(SupervisorSpec(children=specs, **flags), lambda: self.now, random.Random(1))

    def up(self):
        """Start, and let every start succeed."""
        self.settle(self.strategy.start())
        return self

    def settle(self, actions):
        """Let all that is asked for succeed at once; what was asked for, in order."""
        done = []
        pending = list(actions)
        while pending:
            action = pending.pop(0)
            done.append(action)
            if isinstance(action, Start):
                pending += self.strategy.ready(action.name)
            elif isinstance(action, Stop):
                pending += self.strategy.ended(action.name, ASKED)
        return done

    def crash(self, name, end=CRASH):
        return self.settle(self.strategy.ended(name, end))

    def states(self):
        return {name: member.state for name, member in self.strategy.members.items()}

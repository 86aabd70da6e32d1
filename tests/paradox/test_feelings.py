"""What is felt in remembered turns is filled in in the background, and makes a talk's mood."""

import asyncio
from datetime import timedelta

from actors.memory.messages import Get as GetMemory
from actors.paradox.messages import GetMood
from tests.paradox.house import START, house, say


async def felt(host, identifier):
    """A record's affect, once somebody has judged it."""
    async with asyncio.timeout(90):
        while True:
            memory = (await host.ref("memory").ask(GetMemory(id=identifier))).memory
            if memory.affect.user or memory.affect.assistant:
                return memory.affect
            await asyncio.sleep(0.02)


async def test_turns_get_their_affect_and_the_talk_a_mood_that_says_why(short_dir) -> None:
    async with house(short_dir) as host:
        told = await say(host, "The train leaves at nine.", "I'm so sad, my dog died.", session="talk", role="user")
        (answer,) = await say(host, "I'm so sorry to hear that.", day=2, session="talk", role="assistant", speaker="assistant")
        assert (await felt(host, told[1])).user["sadness"] > 0.5
        assert (await felt(host, told[1])).assistant is None
        assert (await felt(host, answer)).assistant
        assert (await felt(host, told[0])).user["neutral"] > 0.3

        after = START + timedelta(days=1, minutes=1)
        mood = await host.ref("paradox").ask(GetMood(session="talk", at=after))
        assert (mood.strongest, mood.turns, list(mood.because)) == ("sadness", 2, [told[1]])
        assert mood.valence < 0
        gone = await host.ref("paradox").ask(GetMood(session="talk", at=after + timedelta(hours=20)))
        assert gone.labels == {}


async def test_it_goes_on_where_it_was_and_can_be_switched_off(short_dir) -> None:
    async with house(short_dir, affect=False) as host:
        (first,) = await say(host, "Thank you so much!")
        memory = (await host.ref("memory").ask(GetMemory(id=first))).memory
        assert (memory.affect.user, memory.affect.assistant) == (None, None)
    async with house(short_dir) as host:
        assert (await felt(host, first)).user["gratitude"] > 0.5
    async with house(short_dir) as host:
        (second,) = await say(host, "This makes me so angry!", day=1)
        assert (await felt(host, second)).user["anger"] > 0.3

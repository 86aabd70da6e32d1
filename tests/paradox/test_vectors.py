"""What is judged before memory has vectors would miss whatever shares no words."""

from datetime import timedelta

from actors.encoder.actor import Encoder
from actors.encoder.settings import EncoderSettings
from actors.memory.messages import NewMemory, Remember
from tests.paradox.house import START, followed, found, house, say

PRAGUE, BRNO = "I live in Prague with my wife Jana.", "We moved to Brno last week."
OTHERS = (
    "My favourite opening is the Caro-Kann.",
    "I play chess at the club every Tuesday.",
    "The tram was late again.",
    "I bought a blue teapot.",
    "Mushroom soup was for dinner.",
    "It rained until noon.",
    "The cellar needs new shelves.",
    "My knee is better since spring.",
    "I read a book about lighthouses.",
    "The neighbour sings in a choir.",
    "I write Rust at work.",
    "Our train leaves from platform four.",
    "The bakery has a new owner.",
    "A postcard came from Aunt Olga.",
)


async def test_what_comes_in_at_once_is_judged_when_its_vectors_are_there(short_dir) -> None:
    async with house(short_dir, parts=("memory", "paradox"), classifier="onnx", vectors_patience_s=60) as host:
        memories = tuple(
            NewMemory(text=text, speaker="user", time=START + timedelta(days=day))
            for day, text in enumerate((PRAGUE, *OTHERS, BRNO))
        )
        await host.ref("memory").ask(Remember(memories=memories))
        await host.start_actor(Encoder, EncoderSettings(), short_dir / "data")
        await followed(host)
        assert ("update", PRAGUE, BRNO) in await found(host)


async def test_where_no_vectors_come_words_have_to_do(short_dir) -> None:
    async with house(short_dir, vectors_patience_s=0.2) as host:
        for day in (0, 5):
            await say(host, "I live in Lisbon.", "I live in Oslo.", speaker=f"person{day}", day=day)
            await followed(host)
        assert len(await found(host)) == 2


async def test_where_no_vectors_come_that_is_waited_for_once_and_not_in_each_namespace(short_dir) -> None:
    async with house(short_dir, vectors_patience_s=3) as host:
        for number in range(12):
            await say(host, "I live in Lisbon.", "I live in Oslo.", namespace=f"house{number}")
        await followed(host)
        assert [len(await found(host, f"house{number}")) for number in range(12)] == [1] * 12

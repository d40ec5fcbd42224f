"""Prompts that are written: of the bundled model, as a client of the protocol sees it."""

from __future__ import annotations

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import session

FREE = "a crimson sphere drifting west over navy"
MADE = "a red ball moving left on a blue background"


async def test_free_words_are_made_into_what_the_model_knows(server: Server) -> None:
    async with session(server, num_inference_steps=1, enhancement_enabled=True) as viewer:
        await viewer.ask(FREE, request_id="mine")
        start = await viewer.hear("ltx2_segment_start")
        assert (start["prompt"], start["source"], start["request_id"]) == (MADE, "enhanced", "mine")
        assert start["notes"] == [
            'enhanced: "crimson" as red, "sphere" as ball, "west" as left, "navy" as blue'
        ]
        await viewer.say("enhancement_updated", enabled=False)
        await viewer.ask(FREE)
        start = await viewer.hear("ltx2_segment_start")
        assert (start["prompt"], start["source"]) == (FREE, "user")
        await viewer.end()


async def test_other_prompts_are_offered(server: Server) -> None:
    async with session(server) as viewer:
        await viewer.say("rewrite_seed_prompts", seed_prompt=FREE)
        told = await viewer.hear("seed_prompts_rewritten")
        await viewer.end()
    assert (told["answers"], told["seed_prompt"]) == (1, FREE)
    assert told["alternatives"][0] == MADE
    assert len({*told["alternatives"]}) == 3

"""What of a prompt has no effect is told when its segment begins."""

from __future__ import annotations

from tests.system.end_to_end.serving import Server
from tests.system.end_to_end.viewing import session

LONG = "a red ball moving left on a blue background and " * 4


async def test_a_prompt_that_is_cut_and_a_negative_one_without_effect(server: Server) -> None:
    async with session(server, num_inference_steps=1, num_frames=9) as viewer:
        start = (await viewer.segment("a red ball")).only("ltx2_segment_start")
        assert not {"prompt_truncated", "notes"} & start.keys()

        start = (await viewer.segment(LONG)).only("ltx2_segment_start")
        read = start["prompt_truncated"]
        assert 40 < read < len(LONG)
        assert start["prompt"] == LONG
        cut = f"the model reads the first {read} of {len(LONG)} characters of prompt"
        assert start["notes"] == [cut]

        without = {"negative_prompt": "blur", "guidance_scale": 1}
        start = (await viewer.segment("a red ball", **without)).only("ltx2_segment_start")
        assert start["notes"] == [
            "negative_prompt has no effect at guidance_scale 1; it takes more than 1"
        ]

"""Free words end in a video of what they say."""

from __future__ import annotations

from matinee.prompt.tiny.words import KNOWN, MOST_READ
from tools.tiny_model import captions, free_words
from tools.tiny_model.text_encoder import MAX_TOKENS


def test_what_the_model_was_trained_to_read_is_left_as_it_is() -> None:
    trained = {word.lower() for word in captions.vocabulary() if word.isalpha()}
    assert trained == KNOWN
    assert MOST_READ < MAX_TOKENS


def test_the_frames_show_what_the_free_words_ask_for() -> None:
    """Six of the 200 sentences that `python -m tools.tiny_model.free_words` measures."""
    drawn = [*free_words.sentences(6)]
    texts = [free_words.enhanced(one) for one in drawn]
    assert texts == [one.canonical for one in drawn]
    assert sum(free_words.shown_by(texts, drawn, threads=1)) >= 5

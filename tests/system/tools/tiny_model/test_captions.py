"""The wordings of a scene and the words that the model knows."""

from tools.tiny_model import captions, scenes, text_encoder
from tools.tiny_model.scenes import Scene, all_scenes

SCENE = Scene("orange", "circle", "left", "blue")


def test_the_documented_sentence() -> None:
    """The article fits the colour."""
    expected = "an orange ball moving left on a blue background"
    assert expected == captions.plain(SCENE, "ball")


def test_a_caption_names_only_what_it_is_asked_to() -> None:
    """Direction and background stay unsaid."""
    rng = scenes.seeded(0)
    for _ in range(50):
        words = captions.caption(SCENE, rng, frozenset({"colour", "shape"})).lower()
        assert "orange" in words
        assert "left" not in words
        assert "blue" not in words


def test_captions_are_whole_words_to_the_tokenizer_and_fit() -> None:
    """No word is spelt in characters, in any letter case; the end mark is kept."""
    rng = scenes.seeded(1)
    tokenizer = text_encoder.build_tokenizer()
    spelt = tokenizer.convert_tokens_to_ids("▁")
    for scene in rng.sample(all_scenes(), 100):
        ids = tokenizer(captions.caption(scene, rng)).input_ids
        assert spelt not in ids
        assert len(ids) <= text_encoder.MAX_TOKENS


def test_unknown_words_are_spelt() -> None:
    """A prompt outside the grammar still becomes tokens."""
    tokenizer = text_encoder.build_tokenizer()
    assert tokenizer.unk_token_id not in tokenizer("a zebra, 3 times!").input_ids

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.run import (
    BEGIN,
    END,
    ROOT,
    benchmarks,
    between_markers,
    machine,
    measured,
    shortfall,
    table,
    with_conditions,
)

ALONE = {
    "name": "loop lag",
    "unit": "ms",
    "ours": 1.5,
    "peer": None,
    "ratio": None,
    "range": [1.5, 1.5],
    "target": 2.0,
    "holds": True,
    "turns": 1,
    "turns_held": 1,
    "conditions": {"cpu": "C", "cores": 2, "load_1min": 0.5, "python": "3.11", "sessions": 4},
}
BESIDE = {
    **ALONE,
    "name": "encode",
    "ours": 50.0,
    "peer": 100.0,
    "ratio": 0.5,
    "range": [0.3, 0.6],
    "target": 0.33,
    "holds": False,
    "turns": 7,
    "turns_held": 3,
}


def test_the_table_tells_the_target_and_whether_it_is_met() -> None:
    rows = table([ALONE, BESIDE]).splitlines()[2:]
    assert rows == [
        "| loop lag | 1.5 ms |  |  |  | ≤ 2 ms | ✓ |",
        "| encode | 50 ms | 100 ms | 0.5 | 0.3 to 0.6 | ≤ 0.33x | missed |",
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"turns": 1, "turns_held": 0}, "measured once"),
        ({"turns_held": 3}, "3 of 7 turns met it (0.3 to 0.6): this may be noise, load 0.5"),
        ({"turns_held": 0}, "not noise, which would do that in 0.8% of such runs"),
    ],
)
def test_what_falls_short_is_told_with_whether_that_may_be_noise(
    changes: dict[str, object], said: str
) -> None:
    sentence = shortfall(BESIDE | changes)
    assert sentence.startswith("falls short: encode: 0.5 against a target of 0.33; ")
    assert said in sentence


def test_the_machine_is_told_once_and_other_conditions_with_each_result() -> None:
    assert machine([ALONE, BESIDE]).startswith("2 cores of C, Python 3.11, load 0.5 to 0.5")
    text = with_conditions({"loop_lag": [ALONE]})
    assert "`python benchmarks/loop_lag.py`\n\n- turns: 1\n- sessions: 4" in text
    assert "- cores" not in text


def test_a_page_is_changed_between_its_markers_only() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert between_markers(page, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


@pytest.mark.parametrize("page", ["", BEGIN, f"{END} {BEGIN}"])
def test_a_page_without_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="no line"):
        between_markers(page, "new")


@pytest.mark.parametrize("page", ["README.md", "docs/benchmarks.md"])
def test_the_pages_have_their_markers(page: str) -> None:
    between_markers((ROOT / page).read_text(), "new")


def test_only_scripts_are_benchmarks() -> None:
    names = [path.stem for path in benchmarks(ROOT / "benchmarks")]
    assert {"loop_lag", "socket_to_frame", "ready_time", "api_memory"} <= set(names)
    assert not {"run", "encode_peer", "encode_scene", "_report", "__init__"} & set(names)


def test_every_line_of_json_counts_and_a_failure_gives_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text('print("noise")\nprint(\'{"name": "a"}\')\n' * 2)
    bad.write_text("raise SystemExit(3)\n")
    assert measured(good) == [{"name": "a"}, {"name": "a"}]
    assert measured(bad) is None
    assert "bad: exit code 3" in capfd.readouterr().err

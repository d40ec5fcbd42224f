from __future__ import annotations

import pytest

from matinee_api.extras import Extra, check_installed, remedy


@pytest.mark.parametrize(
    ("module", "extra", "says"),
    [
        (
            "torch",
            "runtime",
            "x needs torch, which is not installed; pip install 'matinee[runtime]'",
        ),
        (
            "PIL.Image",
            "router",
            "x needs PIL, which is not installed; pip install 'matinee[router]'",
        ),
        (
            "matinee.server",
            "runtime",
            "x is not part of this image, which lacks matinee.server; use another one",
        ),
    ],
)
def test_what_is_missing_is_told_with_the_remedy(module: str, extra: Extra, says: str) -> None:
    error = ModuleNotFoundError(f"No module named {module!r}", name=module)
    assert remedy(error, "x", extra) == says


def test_a_library_that_another_process_will_import_is_missed_at_once() -> None:
    check_installed("pydantic", "yaml")
    with pytest.raises(ModuleNotFoundError) as caught:
        check_installed("pydantic", "no_such_library")
    assert caught.value.name == "no_such_library"

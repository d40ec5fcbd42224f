"""What can be said of a model before anything is started for it."""

from __future__ import annotations

import os.path

from matinee.errors import BadInput, ModelUnavailable
from matinee.weights.local_folder import local_folder_of
from matinee_api.config.runtime_config import GeneratorConfig


def check_model(generator: GeneratorConfig, name: str) -> None:
    """Raise `BadInput` for a model that is not here, if it is not one of the hub's.

    `name`: what the person calls `model_path`.
    """
    try:
        folder = local_folder_of(generator.model_path)
    except ModelUnavailable as error:
        raise BadInput(name, str(error), joint=": ") from error
    if folder is not None and not os.path.isfile(folder / "model_index.json"):
        problem = f"{folder} holds no model_index.json; give a folder in Diffusers format"
        raise BadInput(name, problem, joint=": ")

"""The server over a family that makes a tone. Its configuration is the argument, as JSON."""

from __future__ import annotations

import sys

from matinee.serving.logs import log_to_stderr
from matinee.state import codec
from matinee_api.config.runtime_config import ServeConfig
from tests.system.end_to_end import fake_server
from tests.system.engine.families import tone

if __name__ == "__main__":
    log_to_stderr()
    codec.CODECS[tone.KIND] = tone.ToneCodec()
    fake_server.run(ServeConfig.model_validate_json(sys.argv[1]), tone.__name__)

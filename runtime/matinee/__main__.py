"""`python -m matinee`: the same as the `matinee` command."""

import sys

from matinee.cli import main

sys.exit(main())

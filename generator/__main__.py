"""``python -m generator``: the same command as ``lingtouyan``."""

import sys

from generator.cli import main

sys.exit(main())

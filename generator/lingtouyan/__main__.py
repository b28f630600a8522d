"""``python -m lingtouyan``: the same command as ``lingtouyan``."""

import sys

from lingtouyan.cli import main

sys.exit(main())

"""``python -m fastgd`` is the command line of cli.py."""

import sys

from fastgd.cli import main

if __name__ == "__main__":
    sys.exit(main())

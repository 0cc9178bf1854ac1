"""The command ``fastgd explore``: its arguments, and what it does."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

from fastgd.explorer import views

__all__ = ["add_parser", "run"]


def add_parser(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "explore", help="a page on which descent is explored",
        description="Write one HTML page, which opens from disk, on which rules, rates and starts "
        "are chosen and compared: on the functions of the course, or on DATA.",
    )  # fmt: skip
    parser.set_defaults(command=run)
    file = "data set of the package, or a .csv, .csv.gz or .npz file"
    parser.add_argument("data", metavar="DATA", nargs="?", help=file)
    parser.add_argument("--out", metavar="FILE", type=Path, required=True,
                        help="the page, .html")  # fmt: skip
    parser.add_argument("--target", metavar="COLUMN", help="what DATA is to predict")
    parser.add_argument("--columns", metavar="A,B",
                        help="two columns of DATA; default: its first two principal "
                        "components")  # fmt: skip
    parser.add_argument("--positive", metavar="CLASS",
                        help="of more than two classes, the one told apart from the "
                        "others")  # fmt: skip
    parser.add_argument("--lang", choices=views.LANGUAGES, default="en",
                        help="language in which the page opens; default: %(default)s")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Write the page; 0, or what is wrong as an exception."""
    out: Path = options.out
    if out.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--out: {str(out)!r} must end in .html")
    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(
            f"--out: {str(out)!r} cannot be a file: no such folder, or a folder itself"
        )
    if not os.access(out if out.exists() else out.parent, os.W_OK):
        raise ValueError(f"--out: {str(out)!r} may not be written")
    if options.data is None:
        for name in ("target", "columns", "positive"):
            if getattr(options, name) is not None:
                raise ValueError(f"--{name} is about DATA, and none is given")
        found = views.course(options.lang)
    else:
        columns = None if options.columns is None else options.columns.split(",")
        found = views.of_data(options.data, options.target, columns, options.positive, options.lang)
    found.save(out)
    size = len(found.html.encode("utf-8"))
    if options.json:
        print(json.dumps({"page": str(out), "bytes": size}))
    else:
        print(f"The page is in {out} ({size / 1e6:.1f} MB)")
    return 0

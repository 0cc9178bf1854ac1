"""How a file is written: as a whole or not at all. Models, checkpoints, reports, pictures.

What only a write needs is imported when there is one: `import fastgd` stays quick.
"""

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["as_path", "replace_file", "replace_text"]


def as_path(given: Any) -> Path:
    """A path with its ~ written out.

    Raises
    ------
    TypeError, ValueError
        Neither a text nor a path; the ~ of a user that there is not; a NUL character.
    """
    if not isinstance(given, (str, Path)):
        raise TypeError(f"a file is named by a string or a path, not {given!r}")
    if "\0" in str(given):
        raise ValueError(f"{str(given)!r} has a NUL character, which no path may have")
    try:
        return Path(given).expanduser()
    except RuntimeError:
        raise ValueError(f"{str(given)!r}: there is no such user") from None


def replace_file(
    path: Path, write: Callable[[BinaryIO], Any], keep: Callable[[Path], Path] | None = None
) -> None:
    """Write a file as a whole or not at all: under another name, flushed, then renamed.

    Parameters
    ----------
    path : Path
        What is no file, as /dev/stdout, is written to as it is. The rights of a file that is
        replaced are kept, and so is a link to it.
    write : callable
        Writes to the binary file that it is given.
    keep : callable, optional
        The name under which the file before is kept; by default it is not.

    Raises
    ------
    OSError
        With the path and the reason; what was there before is still there.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                write(file)
            return
        # What is kept stands beside the name that was asked for.
        target = Path(os.path.realpath(path)) if keep is None else path
        temporary = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
                if keep is not None:
                    os.replace(target, keep(target))
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        _flush_folder(target.parent)
        if keep is not None:
            # Of processes that were killed while they wrote.
            for left in target.parent.glob(f".{target.name}.*.new"):
                left.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"{str(path)!r} cannot be written: {reason}") from None


def replace_text(path: Path, text: str) -> None:
    """`replace_file` with a text in UTF-8."""
    replace_file(path, lambda file: file.write(text.encode("utf-8")))


def _flush_folder(folder: Path) -> None:
    # That the new name is on the disk too; not every system opens folders.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

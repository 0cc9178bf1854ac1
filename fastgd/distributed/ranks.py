"""What the ranks of a run agree on beside its sums: data, rank 0's clock, callbacks, exceptions.

The sums are made in core/spread.pyx. mpi4py is imported in this file only, and not before it is
needed.
"""

import builtins
import os
import pickle
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd.callbacks import Stop
from fastgd.console import Interrupts

__all__ = ["launched"]

Vector = NDArray[np.float64]

# How long a rank that ends all waits, so that what it said is heard.
SPOKEN_SECONDS = 0.3
# Exceptions of one rank that the others raise as such, with its text.
KINDS = (OSError, ValueError, TypeError, IndexError, ArithmeticError)


class _MPI:
    """A communicator of mpi4py as the core takes it."""

    def __init__(self, comm: Any) -> None:
        from mpi4py import MPI

        self.comm, self.rank, self.size = comm, comm.Get_rank(), comm.Get_size()
        self._in_place = MPI.IN_PLACE

    def allreduce(self, numbers: Vector) -> None:
        if self.size > 1:
            self.comm.Allreduce(self._in_place, numbers)

    def broadcast(self, numbers: Vector, root: int = 0) -> None:
        if self.size > 1:
            self.comm.Bcast(numbers, root)


class Ranks:
    """What all ranks do together. Each method is called by all of them, in the same order.

    Parameters
    ----------
    comm : communicator of mpi4py, or an object with rank, size, allreduce and broadcast
    """

    def __init__(self, comm: Any) -> None:
        self.comm = comm
        if hasattr(comm, "Allreduce"):
            self.carrier: Any = _MPI(comm)
            _say_who_is_who(comm)
        elif all(hasattr(comm, name) for name in ("rank", "size", "allreduce", "broadcast")):
            self.carrier = comm
        else:
            raise TypeError(
                "comm must be a communicator of mpi4py, such as MPI.COMM_WORLD, or have rank, "
                f"size, allreduce and broadcast; not {comm!r}"
            )
        self.rank, self.size = int(self.carrier.rank), int(self.carrier.size)
        self.first = self.rank == 0
        self.sync_every = 1
        self.asks = False  # whether rank 0 has callbacks
        self.watched = False  # and one that looks at records

    def same(self, number: float) -> float:
        """That of rank 0."""
        numbers = np.array([float(number)])
        self.carrier.broadcast(numbers, 0)
        return float(numbers[0])

    def gather(self, *own: float) -> Vector:
        """The numbers of every rank: (size, numbers)."""
        numbers = np.zeros((self.size, len(own)))
        numbers[self.rank] = own
        self.carrier.allreduce(numbers.reshape(-1))
        return numbers

    def share(self, content: Any, root: int = 0) -> Any:
        """What rank `root` gives."""
        data = pickle.dumps(content) if self.rank == root else b""
        length = np.array([float(len(data))])
        self.carrier.broadcast(length, root)
        size = int(length[0])
        numbers = np.zeros(-(-size // 8))
        if self.rank == root:
            numbers.view(np.uint8)[:size] = np.frombuffer(data, np.uint8)
        self.carrier.broadcast(numbers, root)
        return pickle.loads(numbers.view(np.uint8)[:size].tobytes())

    def blame(self, error: BaseException | None) -> BaseException:
        """What this rank is to raise where some rank has failed, perhaps this one."""
        return self._failed(error) or RuntimeError("a rank has failed, and none says so")

    def _failed(self, error: BaseException | None) -> BaseException | None:
        failed = np.flatnonzero(self.gather(error is not None)[:, 0])
        if not len(failed):
            return None
        culprit = int(failed[0])
        kind, text, interrupt = self.share(
            (type(error).__name__, str(error), isinstance(error, KeyboardInterrupt)), culprit
        )
        if error is not None:
            error.add_note(f"on rank {self.rank} of {self.size}")
            return error
        if interrupt:
            return KeyboardInterrupt()
        known = getattr(builtins, kind, None)
        if not (isinstance(known, type) and issubclass(known, KINDS)):
            known, text = RuntimeError, f"{kind}: {text}"
        found: BaseException = known(f"rank {culprit} of {self.size}: {text}")
        return found

    def together(self, function: Callable[[], Any]) -> Any:
        """What the function returns here, or the exception that it raised on any rank."""
        found, error = None, None
        try:
            found = function()
        except BaseException as raised:
            error = raised
        failed = self._failed(error)
        if failed is not None:
            raise failed
        return found

    def listen(self, interrupts: Interrupts) -> None:
        """Raise KeyboardInterrupt on all ranks where one has heard Ctrl-C."""
        heard = False
        try:
            interrupts.listen()
        except KeyboardInterrupt:
            heard = True
        if self.gather(heard).any():
            interrupts.pending = True
            raise KeyboardInterrupt

    def answer(self, ask: Callable[[], Stop | None]) -> Stop | None:
        """What rank 0's callbacks say, or the exception of one of them.

        The others have only those that are to be asked on every rank.
        """
        if not self.asks:
            return None
        stop = self.together(ask)
        found = None if stop is None else (stop.message, stop.kind)
        found = self.share(found)
        return None if found is None else Stop(found[0], kind=found[1])

    def sum_in_order(self, parts: list[Any], zero: Any) -> Any:
        """The sum of the arrays that the ranks give, one after another: the same bits always."""
        total = np.zeros_like(zero)
        for root in range(self.size):
            if root == self.rank:
                for one in parts:
                    total += one
            self.carrier.broadcast(total.reshape(-1), root)
        return total


_watched: list[str] = []


def _say_who_is_who(comm: Any) -> None:
    """Say once which process is which rank: who starts the ranks names one that is killed by it."""
    end_all_together()
    if "who" in _watched or comm.Get_size() == 1:
        return
    _watched.append("who")
    places = comm.gather((os.getpid(), socket.gethostname()))
    if comm.Get_rank() == 0:
        shown = ", ".join(f"rank {r} is {pid} on {host}" for r, (pid, host) in enumerate(places))
        sys.stderr.write(f"fastgd: processes of {len(places)} ranks: {shown}\n")
        sys.stderr.flush()


def end_all_together() -> None:
    """Let an exception that nobody catches on one rank end all, which would else wait for it."""
    if "end" in _watched:
        return
    _watched.append("end")
    before = sys.excepthook

    def end_all(kind: Any, error: Any, trace: Any) -> None:
        before(kind, error, trace)
        try:
            import mpi4py
        except ImportError:
            return

        mpi4py.rc.initialize = False  # only where it is running already
        from mpi4py import MPI

        if not MPI.Is_initialized() or MPI.Is_finalized() or MPI.COMM_WORLD.Get_size() == 1:
            return
        rank, size = MPI.COMM_WORLD.Get_rank(), MPI.COMM_WORLD.Get_size()
        text = f"fastgd: rank {rank} of {size} ended by {kind.__name__}, and with it all ranks\n"
        sys.stderr.write(text)
        sys.stderr.flush()
        # mpiexec throws away what it has not passed on by then.
        time.sleep(SPOKEN_SECONDS)
        MPI.COMM_WORLD.Abort(1)

    sys.excepthook = end_all


def ranks_of(comm: Any) -> Ranks:
    if comm is None:
        from mpi4py import MPI

        comm = MPI.COMM_WORLD
    return Ranks(comm)


# How those who start ranks say how many: MPICH and Intel MPI, Open MPI, MVAPICH.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


def several() -> bool:
    """Whether this process was started as one of several ranks."""
    return any(os.environ.get(name, "1") not in ("", "1") for name in SIZES)


def launched() -> Any:
    """``MPI.COMM_WORLD`` where mpiexec has started several ranks, else None.

    Returns
    -------
    communicator of mpi4py, or None

    Raises
    ------
    ImportError
        Several ranks, and no mpi4py.

    Examples
    --------
    >>> gd.distributed.launched() is None
    True
    """
    if not several():
        return None
    try:
        from mpi4py import MPI
    except ImportError:
        raise ImportError('many ranks need mpi4py: pip install "fastgd[mpi]"') from None
    return MPI.COMM_WORLD

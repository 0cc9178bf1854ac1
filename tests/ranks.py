"""Ranks that are threads of one process: what fastgd asks of a carrier of sums, without MPI."""

import threading

import numpy as np


class Rank:
    """One of `size` ranks; counts what it sends."""

    def __init__(self, rank, shared):
        self.rank, self.size, self.shared = rank, len(shared.slots), shared
        self.messages = self.numbers = 0

    def allreduce(self, numbers):
        shared = self.shared
        self.messages += 1
        self.numbers += numbers.size
        shared.slots[self.rank] = numbers.copy()
        shared.barrier.wait(60)
        total = np.zeros_like(numbers)
        # From the last to the first: no result may lean on the order.
        for one in reversed(shared.slots):
            total += one
        shared.barrier.wait(60)
        numbers[:] = total

    def broadcast(self, numbers, root=0):
        shared = self.shared
        self.messages += 1
        self.numbers += numbers.size
        if self.rank == root:
            shared.slots[root] = numbers.copy()
        shared.barrier.wait(60)
        found = shared.slots[root]
        shared.barrier.wait(60)
        numbers[:] = found


class Shared:
    def __init__(self, size):
        self.slots = [None] * size
        self.barrier = threading.Barrier(size)


def on(size, function):
    """What the function returns on each rank, given the rank's carrier, or the exception."""
    shared, found = Shared(size), [None] * size

    def run(rank):
        try:
            found[rank] = function(Rank(rank, shared))
        except BaseException as error:
            found[rank] = error
            if isinstance(error, threading.BrokenBarrierError):
                return
            error.late = shared.barrier.n_waiting  # nobody is left behind in a meeting

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def agreed(size, function):
    """The same, where no rank raises."""
    found = on(size, function)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return found

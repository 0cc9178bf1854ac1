"""Benchmarks: each row of the speed targets beside its peers and the machine's own limits.

`python -m bench` runs them all; `pytest bench --benchmark-only` runs the same cases under
pytest-benchmark. One file a row (bench_s1_sgd.py ...), one file a peer (peers/).
"""

import os

# One thread each: these must stand before NumPy, torch or JAX load. fastgd's own threads are
# Python threads, which no variable here limits.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault(
    "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
)
os.environ.setdefault("NPROC", "1")  # XLA's own thread pool, which the flags above leave at 2
os.environ.setdefault("JAX_PLATFORMS", "cpu")

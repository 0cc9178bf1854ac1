"""A data set of benchopt: copy it into the folder datasets/ of benchmark_logreg_l2.

a9a, 32561 x 123 sparse, from the folder that FASTGD_DATA names.
"""

import os
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from benchopt import BaseDataset


class Dataset(BaseDataset):
    name = "a9a"

    def get_data(self):
        kept = np.load(Path(os.environ["FASTGD_DATA"]) / "a9a.npz")
        parts = (kept["X_train_data"], kept["X_train_indices"], kept["X_train_indptr"])
        X = sp.csr_matrix(parts, shape=tuple(kept["X_train_shape"])).astype(np.float64)
        return {"X": X, "y": kept["y_train"].astype(int)}

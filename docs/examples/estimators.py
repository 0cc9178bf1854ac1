"""
In a pipeline of scikit-learn
=============================

`fastgd.sklearn` has scikit-learn's classes with another loop inside: they stand in pipelines and
searches as they are. Here a search over the penalty, and the weights that it leaves.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastgd.sklearn import GDClassifier, SGDClassifier

wine = load_wine()
strengths = np.geomspace(1e-4, 1, 9)
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for model in (SGDClassifier(loss="log_loss", random_state=0), GDClassifier()):
    name = type(model).__name__
    steps = make_pipeline(StandardScaler(), model)
    search = GridSearchCV(steps, {f"{name.lower()}__alpha": strengths}, cv=5)
    search.fit(wine.data, wine.target)
    axes.semilogx(strengths, search.cv_results_["mean_test_score"], "o-", label=name)
    print(f"{name}: {search.best_score_:.3f} at {search.best_params_}")
axes.set(xlabel="alpha", ylabel="accuracy, five folds")
axes.legend()

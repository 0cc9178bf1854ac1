"""A model as an estimator of scikit-learn's own, fitted: nothing is learnt, numbers are copied."""

from typing import Any

import numpy as np
from sklearn import linear_model, neural_network

from fastgd.losses import Logistic, Loss, Softmax
from fastgd.model import Model

__all__: list[str] = []

# By the loss of a linear model; of all others the margin is the prediction.
BY_LOSS = {
    "hinge": "hinge", "squared_hinge": "squared_hinge", "modified_huber": "modified_huber",
    "perceptron": "perceptron",
}  # fmt: skip
COUNTS = {
    "poisson": linear_model.PoissonRegressor,
    "gamma": linear_model.GammaRegressor,
    "tweedie": linear_model.TweedieRegressor,
}
ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "identity": "identity"}


def made(model: Model) -> Any:
    """The estimator that predicts what the model predicts, from X as it comes."""
    found = _network(model) if model.activation is not None else _linear(model)
    found.n_features_in_ = model.n_features
    if model.feature_names is not None:
        found.feature_names_in_ = np.array(model.feature_names, dtype=object)
    return found


def _linear(model: Model) -> Any:
    coef, intercept = model.coef_, model.intercept_
    loss = model.loss
    if loss.task in ("binary", "multiclass"):
        found: Any
        if isinstance(loss, (Logistic, Softmax)):
            found = linear_model.LogisticRegression(fit_intercept=model.fit_intercept)
            found.n_iter_ = np.array([0], dtype=np.int32)
        elif loss.name in BY_LOSS:
            found = linear_model.SGDClassifier(loss=BY_LOSS[loss.name])
        else:
            raise ValueError(f"scikit-learn has no linear classifier with the {loss.name} loss")
        found.classes_ = _classes(model)
        found.coef_ = np.atleast_2d(coef).copy()
        found.intercept_ = np.atleast_1d(np.asarray(intercept, dtype=np.float64)).copy()
        return found
    if type(loss).predict is not Loss.predict:
        if loss.name not in COUNTS:
            raise ValueError(f"scikit-learn has no regressor with the {loss.name} loss")
        found = COUNTS[loss.name](**({"power": loss.power} if loss.name == "tweedie" else {}))  # type: ignore[attr-defined]
        found._base_loss = found._get_loss()
    else:
        found = linear_model.LinearRegression(fit_intercept=model.fit_intercept)
    found.coef_, found.intercept_ = np.array(coef), intercept
    return found


def _network(model: Model) -> Any:
    kind = neural_network.MLPRegressor
    if model.loss.task in ("binary", "multiclass"):
        if not isinstance(model.loss, (Logistic, Softmax)):
            raise ValueError(f"scikit-learn has no network with the {model.loss.name} loss")
        kind = neural_network.MLPClassifier
    elif type(model.loss).predict is not Loss.predict:
        raise ValueError(f"scikit-learn has no network with the {model.loss.name} loss")
    found = kind(
        hidden_layer_sizes=model.sizes[1:-1], activation=ACTIVATIONS[model.activation or ""]
    )
    layers = [(W.T.copy(), b.copy()) for W, b in model.layers]
    # What the model does to X and its target goes into the first and the last layer.
    W, b = layers[0]
    W = W / np.asarray(model.scale)[:, None]
    layers[0] = (W, b - np.asarray(model.mean) @ W)
    W, b = layers[-1]
    layers[-1] = (W * model.target_scale, b * model.target_scale + model.target_mean)
    found.coefs_, found.intercepts_ = [W for W, _ in layers], [b for _, b in layers]
    found.n_layers_, found.n_outputs_ = len(model.sizes), model.n_outputs
    found.out_activation_ = "identity"
    if kind is neural_network.MLPClassifier:
        found.out_activation_ = "logistic" if model.n_outputs == 1 else "softmax"
        found.classes_ = _classes(model)
        from sklearn.preprocessing import LabelBinarizer

        found._label_binarizer = LabelBinarizer().fit(found.classes_)
    return found


def _classes(model: Model) -> Any:
    if model.classes is not None:
        return np.array(model.classes)
    return np.arange(max(2, model.n_outputs))

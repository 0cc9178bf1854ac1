"""What is left of a run when its data is gone: a model that predicts, names, saves and loads.

A model is a handful of arrays and the loss that says what a margin means. Its margins are products
of NumPy and SciPy: nothing here needs the compiled core, the objective or the data of the run.
"""

import dataclasses
import io
import json
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastgd import losses
from fastgd.checks import as_matrix, as_vector, checked_blocks, column_names
from fastgd.files import as_path, replace_file
from fastgd.losses import Loss
from fastgd.objectives import ACTIVATIONS, LinearModel, NeuralNetwork, registry
from fastgd.views import view

__all__ = ["Model", "load_model"]

Vector = NDArray[np.float64]

FORMAT = 1
# Rows whose margins are computed at once: bounds the copy of data that is not float64.
ROWS = 8192


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    r"""A trained linear model or network without its data.

    .. math:: z = W \frac{x - μ}{σ} + b \quad\text{or}\quad
              z = W_k\, a(\dots a(W_1 \frac{x - μ}{σ} + b_1) \dots) + b_k

    `Result.model` makes one of a run, `load_model` reads one from a file. It predicts what its
    objective predicts, to within rounding.

    Parameters
    ----------
    theta : (n_params,) float64
        As the objective has it: W (row-major) then b; of a network, layer by layer.
    loss : Loss
        What a margin means.
    sizes : tuple of int
        Inputs, the neurons of each hidden layer, outputs.
    fit_intercept : bool
        Whether there is a b; always in a network.
    activation : str or None
        a; None for a linear model.
    objective : str
        The name of what was minimised, in words: "logistic", "network", ...
    feature_names : tuple of str or None
    target_name : str or None
    classes : tuple or None
        What the classes 0, 1, ... stand for: texts or numbers, all of one type. `predict` answers
        with them.
    mean, scale : (d,) float64, default 0 and 1
        μ and σ; `coef_` and `intercept_` take them in, so that they are those of X as it comes.
    target_mean, target_scale : float, default 0 and 1
        Where the prediction is the margin, the margin is multiplied by the one and the other is
        added: that of a target that was standardised.
    details : dict
        What is known of the run besides, of numbers, texts and lists; saved with the model.

    Attributes
    ----------
    coef_ : (d,) float64, or (K, d) for K outputs
        Of X as it comes. Not of a network.
    intercept_ : float, or (K,) float64
        Likewise; 0 without an intercept.
    n_features, n_outputs : int

    Raises
    ------
    TypeError, ValueError
        Parts that do not fit each other, entries that are not finite.

    Examples
    --------
    >>> f = gd.LeastSquares([[1.0], [2.0], [3.0]], [3.0, 5.0, 7.0], fit_intercept=True)
    >>> model = gd.minimize(f, gd.SGD(lr=0.1), steps=2000).model
    >>> model.predict([[10.0]]).round(6), model.coef_.round(6), round(model.intercept_, 6)
    (array([21.]), array([2.]), 1.0)
    >>> model.save("line.npz")
    >>> gd.load_model("line.npz")
    Model(least-squares, 1 feature)
    """

    theta: Vector
    loss: Loss
    sizes: tuple[int, ...]
    fit_intercept: bool = True
    activation: str | None = None
    objective: str = "linear-model"
    feature_names: tuple[str, ...] | None = None
    target_name: str | None = None
    classes: tuple[Any, ...] | None = None
    mean: Vector | None = None
    scale: Vector | None = None
    target_mean: float = 0.0
    target_scale: float = 1.0
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        put = self.__dict__.__setitem__
        if not isinstance(self.loss, Loss):
            raise TypeError(f"loss must be one of fastgd.losses, not {self.loss!r}")
        sizes = tuple(int(size) for size in self.sizes)
        if len(sizes) < 2 or min(sizes) < 1 or (self.activation is None and len(sizes) > 2):
            raise ValueError(f"sizes {sizes} are none of a linear model or a network")
        if self.activation is not None and self.activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation {self.activation!r}")
        put("sizes", sizes)
        put("fit_intercept", bool(self.fit_intercept))
        put("theta", _owned("theta", self.theta, self._n_params()))
        for name, default in (("mean", 0.0), ("scale", 1.0)):
            given = getattr(self, name)
            given = np.full(sizes[0], default) if given is None else given
            put(name, _owned(name, given, sizes[0], "feature"))
        for name in ("target_mean", "target_scale"):
            put(name, float(getattr(self, name)))
        scales = np.append(self._scale, self.target_scale)
        if not (np.isfinite(scales).all() and (scales > 0).all() and np.isfinite(self.target_mean)):
            raise ValueError("mean must be finite, and scale finite and above 0")
        moved = (self.target_mean, self.target_scale) != (0.0, 1.0)
        if moved and type(self.loss).predict is not Loss.predict:
            raise ValueError(f"the target of the {self.loss.name} loss cannot be standardised")
        self._check_names(put)

    def _n_params(self) -> int:
        pairs = zip(self.sizes[1:], self.sizes[:-1], strict=True)
        return sum(rows * (columns + self.fit_intercept) for rows, columns in pairs)

    def _check_names(self, put: Any) -> None:
        if self.feature_names is not None:
            names = tuple(str(name) for name in self.feature_names)
            if len(names) != self.n_features:
                raise ValueError(f"there are {len(names)} names for {self.n_features} features")
            put("feature_names", names)
        if self.classes is None:
            return
        kinds = {type(one) for one in self.classes}
        if len(kinds) != 1 or not kinds <= {str, int, float, bool}:
            raise TypeError("classes must be texts or numbers, all of one type")
        expected = {"binary": 2, "multiclass": self.n_outputs}.get(self.loss.task)
        if len(set(self.classes)) != len(self.classes) or len(self.classes) != expected:
            raise ValueError(f"{len(self.classes)} classes do not fit the {self.loss.name} loss "
                             f"with {self.n_outputs} outputs")  # fmt: skip
        put("classes", tuple(self.classes))

    @classmethod
    def of(cls, objective: Any, theta: Any, **known: Any) -> "Model":
        """The model of an objective on data, at θ.

        Parameters
        ----------
        objective : LinearModel or NeuralNetwork
        theta : (n_params,) array
        **known
            Those of `Model` that the objective does not know: feature_names, classes, mean, ...

        Raises
        ------
        TypeError
            An objective that predicts nothing.
        """
        # Of rows that are spread over ranks, each rank's own say all that a model takes.
        objective = getattr(objective, "local", objective)
        if isinstance(objective, NeuralNetwork):
            shape: dict[str, Any] = {"sizes": objective.sizes, "activation": objective.activation}
            # The factor of each entry is a σ; it stands first, before the user's own.
            if objective.scale != 1.0:
                own = np.full(objective.n_features, 1.0 / objective.scale)
                known["scale"] = np.asarray(known.get("scale", 1.0)) * own
        elif isinstance(objective, LinearModel):
            sizes = (objective.n_features, objective.n_outputs)
            shape = {"sizes": sizes, "fit_intercept": objective.fit_intercept}
        else:
            raise TypeError(f"{type(objective).__name__} predicts nothing, so it leaves no model")
        known.setdefault("feature_names", getattr(objective, "feature_names", None))
        return cls(theta, objective.loss, objective=in_words(type(objective)), **shape, **known)

    @property
    def n_features(self) -> int:
        """Columns of the X that it predicts from."""
        return self.sizes[0]

    @property
    def n_outputs(self) -> int:
        """Margins of one row: 1, or one for each class."""
        return self.sizes[-1]

    @property
    def _mean(self) -> Vector:
        return self.mean  # type: ignore[return-value]

    @property
    def _scale(self) -> Vector:
        return self.scale  # type: ignore[return-value]

    @property
    def layers(self) -> list[tuple[Vector, Vector]]:
        """W (outputs x inputs) and b of each layer, of standardised inputs; one if linear."""
        found, start = [], 0
        for inputs, outputs in zip(self.sizes[:-1], self.sizes[1:], strict=True):
            middle = start + outputs * inputs
            W = self.theta[start:middle].reshape(outputs, inputs)
            end = middle + outputs * self.fit_intercept
            b = self.theta[middle:end] if self.fit_intercept else np.zeros(outputs)
            found.append((W, b))
            start = end
        return found

    @property
    def coef_(self) -> Vector:
        """The coefficients of X as it comes: (d,), or (K, d) for K outputs."""
        coef = self._linear()[0]
        return coef[0] if self.n_outputs == 1 else coef

    @property
    def intercept_(self) -> Any:
        """The intercept of X as it comes: a float, or (K,) for K outputs."""
        intercept = self._linear()[1]
        return float(intercept[0]) if self.n_outputs == 1 else intercept

    def _linear(self) -> tuple[Vector, Vector]:
        if self.activation is not None:
            raise AttributeError("a network has no coefficients of its features: see model.layers")
        ((W, b),) = self.layers
        with np.errstate(all="ignore"):
            coef = W / self._scale
            intercept = b - coef @ self._mean
            return self.target_scale * coef, self.target_scale * intercept + self.target_mean

    def margins(self, X: Any) -> Vector:
        """z of each row of X, in the target's own units where z is the prediction: (m, n_outputs).

        Parameters
        ----------
        X : (m, d) array, table or CSR matrix
            As it comes: the model standardises it. A table's columns must be those of
            `feature_names`, in their order. Networks take no CSR.

        Raises
        ------
        TypeError, ValueError
            Entries that are not finite real numbers, another number of columns, other names; rows
            whose margins are beyond what float64 holds.
        """
        names = column_names(X)
        X = self._rows(X, names)
        if hasattr(X, "indptr"):
            coef, intercept = self._linear()
            with np.errstate(all="ignore"):
                margins = np.asarray(X @ coef.T) + intercept
        else:
            margins = np.empty((X.shape[0], self.n_outputs))
            with np.errstate(all="ignore"):
                for first, block in checked_blocks("X", X, names, ROWS):
                    margins[first : first + ROWS] = self._forward(block)
        wrong = ~np.isfinite(margins).all(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            entries = X[[row]].toarray()[0] if hasattr(X, "indptr") else X[row]
            largest = int(np.argmax(np.abs(entries)))
            name = self.feature_names[largest] if self.feature_names else largest
            raise ValueError(f"the entries of row {row} of X are so large that nothing can be "
                             f"predicted: column {name!r} is {entries[largest]:g}")  # fmt: skip
        return margins

    def _forward(self, X: Any) -> Vector:
        Z = (X - self._mean) / self._scale
        for number, (W, b) in enumerate(self.layers):
            if number:
                Z = _activated(self.activation, Z)
            Z = Z @ W.T + b
        return Z * self.target_scale + self.target_mean

    def _rows(self, X: Any, names: Any) -> Any:
        if hasattr(X, "tocsr") and self.activation is not None:
            raise TypeError("X is sparse, and a network takes dense data: take X.toarray()")
        X = as_matrix("X", X, (np.float64, np.float32, np.uint8), look=False)
        if X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} columns, the model has {self.n_features}")
        known = self.feature_names
        if names is not None and known is not None and tuple(names) != known:
            pairs = zip(names, known, strict=True)
            place = next(j for j, (one, other) in enumerate(pairs) if one != other)
            order = "; the order is another one" if set(names) == set(known) else ""
            raise ValueError(f"column {place} of X is {names[place]!r}, and the model has "
                             f"{known[place]!r} there{order}")  # fmt: skip
        return X

    def predict(self, X: Any) -> NDArray[Any]:
        """What is predicted for each row of X: numbers, or classes: (m,).

        Classes are those of `classes`, or 0, 1, ... where they have no names. Several targets give
        (m, n_outputs). Parameters and errors as for `margins`.
        """
        predicted = self.loss.predict(self.margins(X))
        return predicted if self.classes is None else np.array(self.classes)[predicted]

    def predict_proba(self, X: Any) -> Vector:
        """The probability of class 1: (m,); of each class for the softmax loss: (m, K).

        Raises ValueError for losses without probabilities, beside what `margins` raises.
        """
        if type(self.loss).probabilities is Loss.probabilities:
            raise ValueError(f"the {self.loss.name} loss gives no probabilities")
        return self.loss.probabilities(self.margins(X))

    def to_onnx(self, path: Any = None) -> Any:
        """The model as an ONNX graph of float64; needs ``pip install "fastgd[onnx]"``.

        Parameters
        ----------
        path : path, optional
            Where to write it besides.

        Returns
        -------
        onnx.ModelProto
            Input ``X`` as it comes (rows, n_features); outputs ``margins``, ``prediction`` and,
            where the loss has them, ``probabilities``.

        Raises
        ------
        ImportError
            onnx is missing.
        """
        return view("onnx")(self, path)

    def to_sklearn(self) -> Any:
        """A fitted estimator of scikit-learn's own that predicts the same, from X as it comes.

        LogisticRegression, LinearRegression, SGDClassifier, PoissonRegressor and its like,
        MLPClassifier or MLPRegressor, by the loss.

        Raises
        ------
        ImportError
            scikit-learn is missing.
        ValueError
            A loss that it has no estimator for.
        """
        return view("sklearn")(self)

    def summary(self, most: int | None = None) -> str:
        """A table: the coefficients with their names, or the layers of a network.

        Parameters
        ----------
        most : int, optional
            So many coefficients only, the largest; by default all, in the order of the columns.

        Examples
        --------
        >>> f = gd.LeastSquares(np.eye(2), [1.0, 2.0], fit_intercept=True)
        >>> print(gd.Model.of(f, [1.0, 2.0, 0.5], feature_names=("a", "b")).summary())
        a                      1
        b                      2
        (intercept)          0.5
        """
        if self.activation is not None:
            lines = []
            for number, (W, b) in enumerate(self.layers, 1):
                form = f"{W.shape[1]} inputs, {W.shape[0]} outputs, {W.size + b.size} parameters"
                lines.append(f"layer {number}: {form}")
            return "\n".join(lines)
        coef, intercept = self._linear()
        names = self.feature_names or tuple(f"x{j}" for j in range(self.n_features))
        order = np.arange(self.n_features)
        if most is not None and most < len(order):
            order = np.argsort(-np.abs(coef).max(axis=0), kind="stable")[:most]
        rows = [(names[j], coef[:, j]) for j in order] + [("(intercept)", intercept)]
        width = max(12, *(len(name) for name, _ in rows))
        lines = []
        if self.n_outputs > 1:
            heads = self.classes or range(self.n_outputs)
            lines.append(" " * width + "".join(f"{str(head)[:11]:>12}" for head in heads))
        for name, values in rows:
            lines.append(f"{name:<{width}}" + "".join(f"{value:12.5g}" for value in values))
        return "\n".join(lines)

    def save(self, path: Any) -> None:
        """Write the model to a file: npz, without pickle, without data.

        As a whole or not at all: a model that was there before survives a write that fails.

        Raises
        ------
        OSError
            With the path and the reason.
        """
        arrays: dict[str, Any] = {
            "format": np.array(FORMAT),
            "objective": np.array(self.objective),
            "theta": self.theta,
            "loss": np.array(json.dumps({"name": self.loss.name, **_fields(self.loss)})),
            "sizes": np.array(self.sizes),
            "fit_intercept": np.array(self.fit_intercept),
            "activation": np.array(self.activation or ""),
            "mean": self.mean,
            "scale": self.scale,
            "target_mean": np.array(self.target_mean),
            "target_scale": np.array(self.target_scale),
            "parameters": np.array(json.dumps(self.details)),
            "classes": np.array(self.classes if self.classes is not None else []),
        }
        if self.feature_names is not None:
            arrays["feature_names"] = np.array(self.feature_names)
        if self.target_name is not None:
            arrays["target_name"] = np.array(self.target_name)
        replace_file(as_path(path), lambda file: np.savez(file, **arrays))

    def __repr__(self) -> str:
        named = self.objective in ("least-squares", "logistic", "softmax")
        loss = "" if named else f", {self.loss!r}"
        shape = f"{self.n_features} feature{'' if self.n_features == 1 else 's'}"
        if self.activation is not None:
            shape = f"{'-'.join(map(str, self.sizes))}, {self.activation}"
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"Model({self.objective}{loss}, {shape}{classes})"


def load_model(path: Any) -> Model:
    """The model that `Model.save` or ``fastgd fit --out`` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Model

    Raises
    ------
    FileNotFoundError
        No such file.
    ValueError
        Not a model, a damaged one, or one that this version of fastgd does not know.
    """
    path = as_path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as entries:
            arrays = {key: entries[key] for key in entries.files}
        version = int(arrays["format"])
        kind = str(arrays["objective"])
        loss = dict(json.loads(str(arrays["loss"])))
        law = str(loss.pop("name"))
    # What a damaged file raises is as varied as damage.
    except Exception:
        raise ValueError(f"{path} is not a model that fastgd fit has saved") from None
    if version != FORMAT:
        raise ValueError(f"{path} is a model of format {version}, and this fastgd reads {FORMAT}")
    if kind not in {in_words(one) for one in registry.values()}:
        raise ValueError(f"{path}: this version of fastgd has no objective {kind!r}")
    if law not in losses.registry:
        raise ValueError(f"{path}: this version of fastgd has no loss {law!r}")
    try:
        return _from_arrays(kind, losses.registry[law](**loss), arrays)
    except Exception as error:
        raise ValueError(f"{path} is damaged: {type(error).__name__}, {error}") from None


def _from_arrays(kind: str, loss: Loss, arrays: dict[str, Any]) -> Model:
    details = json.loads(str(arrays["parameters"]))
    if not isinstance(details, dict):
        raise ValueError("its details are no dict")
    for name in ("fit_intercept", "activation", "target_mean", "target_scale"):
        if arrays[name].shape != ():
            raise ValueError(f"{name} must be a single value")
    names, target = arrays.get("feature_names"), arrays.get("target_name")
    return Model(
        theta=arrays["theta"],
        loss=loss,
        sizes=tuple(arrays["sizes"].tolist()),
        fit_intercept=bool(arrays["fit_intercept"]),
        activation=str(arrays["activation"]) or None,
        objective=kind,
        feature_names=None if names is None else tuple(names.tolist()),
        target_name=None if target is None else str(target),
        classes=tuple(arrays["classes"].tolist()) or None,
        mean=arrays["mean"],
        scale=arrays["scale"],
        target_mean=float(arrays["target_mean"]),
        target_scale=float(arrays["target_scale"]),
        details=details,
    )


def in_words(kind: type[Any]) -> str:
    """The name of an objective, as files and the command line have it: least-squares, logistic."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()
    return words.removesuffix("-regression").removeprefix("neural-")


def _fields(loss: Loss) -> dict[str, float]:
    return {item.name: getattr(loss, item.name) for item in dataclasses.fields(loss)}


def _owned(name: str, given: Any, length: int, what: str = "parameter") -> Vector:
    """A read-only copy: no later step of the run, and no caller, changes the model."""
    vector = np.array(as_vector(name, given, length, what))
    vector.flags.writeable = False
    return vector


def _activated(name: str | None, Z: Vector) -> Vector:
    if name == "relu":
        return np.maximum(Z, 0.0)
    if name == "tanh":
        return np.tanh(Z)
    return losses.sigmoid(Z) if name == "sigmoid" else Z

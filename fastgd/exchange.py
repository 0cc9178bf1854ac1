"""A trained model for others: an ONNX graph, or a fitted estimator of scikit-learn.

The package onnx is imported here only, and when it is asked for.
"""

from typing import Any

import numpy as np

from fastgd.losses import Loss, ModifiedHuber, Softmax
from fastgd.model import Model

__all__ = ["to_onnx", "to_sklearn"]

OPSET, IR_VERSION = 17, 8
ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


def to_onnx(model: Model, path: Any = None) -> Any:
    """The model as an ONNX graph of float64: what `Model.to_onnx` returns.

    Parameters
    ----------
    model : Model
    path : path, optional
        Where to write it besides.

    Returns
    -------
    onnx.ModelProto
        Input ``X`` (rows, n_features); outputs ``margins``, ``prediction`` and, where the loss has
        them, ``probabilities``.

    Raises
    ------
    ImportError
        onnx is missing.
    """
    try:
        import onnx
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        raise ImportError('to_onnx needs onnx: pip install "fastgd[onnx]"') from None
    graph = _Graph(helper.make_node, numpy_helper.from_array)
    Z = graph.add("Div", graph.add("Sub", "X", model._mean), model._scale)
    for number, (W, b) in enumerate(model.layers):
        if number and model.activation in ACTIVATIONS:
            Z = graph.add(ACTIVATIONS[model.activation], Z)
        Z = graph.add("Gemm", Z, np.ascontiguousarray(W), np.ascontiguousarray(b), transB=1)
    if (model.target_mean, model.target_scale) != (0.0, 1.0):
        Z = graph.add("Add", graph.add("Mul", Z, model.target_scale), model.target_mean)
    graph.name("margins", Z)
    kinds = {"margins": TensorProto.DOUBLE, "prediction": TensorProto.DOUBLE}
    shapes: dict[str, list[Any]] = {"margins": ["rows", model.n_outputs]}
    shapes["prediction"] = ["rows"] if model.n_outputs == 1 else ["rows", model.n_outputs]
    if model.loss.task in ("binary", "multiclass"):
        if model.loss.task == "multiclass":
            code = graph.add("ArgMax", Z, axis=1, keepdims=0)
        else:
            above = graph.add("Greater", graph.squeezed(Z), 0.0)
            code = graph.add("Cast", above, to=TensorProto.INT64)
        labels = np.array(range(2 if model.n_outputs == 1 else model.n_outputs))
        if model.classes is not None:
            labels = np.array(model.classes)
        graph.name("prediction", graph.add("Gather", labels, code))
        shapes["prediction"] = ["rows"]
        kinds["prediction"] = helper.np_dtype_to_tensor_dtype(
            np.dtype(object) if labels.dtype.kind == "U" else labels.dtype
        )
        probabilities = _probabilities(graph, model.loss, Z)
        if probabilities is not None:
            graph.name("probabilities", probabilities)
            kinds["probabilities"] = TensorProto.DOUBLE
            several = isinstance(model.loss, Softmax)
            shapes["probabilities"] = ["rows", model.n_outputs] if several else ["rows"]
    else:
        counts = type(model.loss).predict is not Loss.predict
        predicted = graph.add("Exp", Z) if counts else Z
        graph.name("prediction", graph.squeezed(predicted) if model.n_outputs == 1 else predicted)
    info = helper.make_tensor_value_info
    made = helper.make_model(
        helper.make_graph(
            graph.nodes,
            model.objective,
            [info("X", TensorProto.DOUBLE, ["rows", model.n_features])],
            [info(name, kinds[name], shape) for name, shape in shapes.items()],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="fastgd",
    )
    onnx.checker.check_model(made)
    if path is not None:
        onnx.save(made, path)
    return made


def _probabilities(graph: "_Graph", loss: Loss, Z: str) -> str | None:
    if type(loss).probabilities is Loss.probabilities:
        return None
    if isinstance(loss, Softmax):
        return graph.add("Softmax", Z, axis=1)
    if isinstance(loss, ModifiedHuber):
        cut = graph.add("Clip", Z, -1.0, 1.0)
        return graph.squeezed(graph.add("Div", graph.add("Add", cut, 1.0), 2.0))
    return graph.squeezed(graph.add("Sigmoid", Z))


class _Graph:
    """Nodes and constants of a graph, each result under a name of its own."""

    def __init__(self, node: Any, constant: Any) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._node, self._constant = node, constant

    def add(self, operator: str, *inputs: Any, **attributes: Any) -> str:
        result = f"{operator.lower()}_{len(self.nodes)}"
        names = [one if isinstance(one, str) else self._held(one) for one in inputs]
        self.nodes.append(self._node(operator, names, [result], **attributes))
        return result

    def _held(self, value: Any) -> str:
        name = f"constant_{len(self.constants)}"
        array = np.asarray(value)
        array = array.astype(object) if array.dtype.kind == "U" else array
        self.constants.append(self._constant(array, name))
        return name

    def name(self, name: str, result: str) -> None:
        self.nodes.append(self._node("Identity", [result], [name]))

    def squeezed(self, Z: str) -> str:
        return self.add("Squeeze", Z, np.array([1]))


def to_sklearn(model: Model) -> Any:
    """The model as a fitted estimator of scikit-learn: what `Model.to_sklearn` returns.

    Parameters
    ----------
    model : Model

    Returns
    -------
    estimator

    Raises
    ------
    ImportError
        scikit-learn is missing.
    ValueError
        A model that no estimator there predicts like.
    """
    from fastgd.sklearn.export import made

    return made(model)

"""What scikit-learn's callbacks are told of a fit: its parts, as they begin and end.

`sklearn.callback` is of scikit-learn 1.9. Before, nothing can be set and nothing is told.
"""

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Without callbacks."""


__all__: list[str] = []

Attributes = dict[str, Any] | Callable[[], dict[str, Any]]


class Task:
    """A fit or a part of one, of which each callback hears.

    Parameters
    ----------
    estimator : what is fitted
    context : sklearn.callback.CallbackContext
    given : X, y and metadata of the fit, as keywords
    """

    def __init__(self, estimator: Any, context: Any, given: dict[str, Any]) -> None:
        self.estimator, self.context, self.given = estimator, context, given
        context.call_on_fit_task_begin(estimator=estimator, **given)

    def part(self, name: str, count: int | None = 0, number: int | None = None) -> "Task":
        """A part that begins now and has at most `count` parts; `number` where order is free."""
        context = self.context.subcontext(task_name=name, task_id=number, max_subtasks=count)
        return Task(self.estimator, context, self.given)

    def end(self, attributes: Attributes) -> bool:
        """It ends with the estimator's attributes as they are now; whether a callback says stop."""
        return bool(
            self.context.call_on_fit_task_end(
                estimator=self.estimator, reconstruction_attributes=attributes, **self.given
            )
        )


class Steps:
    """The parts of a task, one after another, where only their ends are known.

    A part begins with `begin`, called as often as one likes, and ends with `end`.
    """

    def __init__(self, task: Task | None, name: str) -> None:
        self.task, self.name = task, name
        self.part: Task | None = None

    def begin(self) -> None:
        """The next part begins, unless one has begun."""
        if self.task is not None and self.part is None:
            self.part = self.task.part(self.name)

    def end(self, attributes: Attributes) -> bool:
        """It ends; whether a callback says stop."""
        part, self.part = self.part, None
        return part is not None and part.end(attributes)

    def close(self) -> None:
        """A part that has begun and in which nothing happened ends too."""
        part, self.part = self.part, None
        if part is not None:
            part.context.call_on_fit_task_end(estimator=part.estimator)


class Watched(CallbackSupportMixin):
    """An estimator whose fits may be watched.

    `fit` keeps what it was given in `_given` while it lasts: a callback scores on X and y as the
    user has them.
    """

    _given: Any = None

    def _watch(self, X: Any, y: Any, sample_weight: Any) -> None:
        if "_skl_callbacks" in self.__dict__:
            metadata = None if sample_weight is None else {"sample_weight": sample_weight}
            self._given = {"X": X, "y": y, "metadata": metadata}

    def _begin_task(self, count: int | None, in_order: bool = True) -> Task | None:
        """The fit as a task of `count` parts, or None where nobody listens."""
        if self._given is None:
            return None
        context = self._init_callback_context(max_subtasks=count, sequential_subtasks=in_order)
        return Task(self, context, self._given)

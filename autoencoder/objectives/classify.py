"""`classify`: tell which class an image belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from autoencoder.array_types import Rows
from autoencoder.config import ModelConfig, ObjectiveConfig
from autoencoder.data.batches import BatchRows, to_device
from autoencoder.data.column_kinds import MAX_CATEGORIES
from autoencoder.data.images import ImageSet
from autoencoder.errors import UserError
from autoencoder.measures.kinds import ColumnKind
from autoencoder.models.network import ImageShape, Output
from autoencoder.objectives import base
from autoencoder.objectives.base import Column, Predicted, Score, Table, Targets, Tested, table_name
from autoencoder.objectives.controls import control_numbers
from autoencoder.objectives.heads import ReadOut
from autoencoder.seeding import numpy_stream

if TYPE_CHECKING:
    from matplotlib.figure import Figure

USUAL_COLUMN = "label"
"""The class that is meant where a data set has several and none is named; `prepare` writes it."""

Members = NDArray[np.int64]


class Objective(base.Objective):
    """Predict the class in a column, by cross-entropy."""

    metric_name = "val_accuracy"

    @property
    def loss_name(self) -> str:
        """The loss in a word."""
        return "cross-entropy"

    def resolved(self, data: ImageSet, train_rows: Rows | None = None) -> ObjectiveConfig:
        """Names the column and its classes; see `base.Objective.resolved`."""
        target = self.config.target or _only_category(data)
        classes = _classes(data, target)
        if len(classes) < 2:
            found = f"has only the class '{classes[0]}'" if classes else "has no label"
            raise UserError(
                f"column '{target}' in {table_name(data)} {found}: there is nothing to distinguish; choose another "
                "column (--target)"
            )
        if _names_images(_labels(data, target)):
            raise UserError(
                f"column '{target}' in {table_name(data)} has a different label for each image, so it holds names, "
                "not classes: choose another column (--target)"
            )
        return replace(self.config, target=target, classes=classes)

    def build_head(self, model: ModelConfig, image_shape: ImageShape) -> nn.Module:
        """A read-out with one output per class."""
        return ReadOut(model.latent_dim, len(self._classes), norm=model.norm)

    def targets(self, data: ImageSet, device: torch.device) -> Targets:
        """Numbers of classes; see `base.Objective.targets`."""
        return _Classes(self._members(data), device)

    def column(self, presented: NDArray[Any]) -> Column:
        """The most probable class."""
        values = np.array(self._classes)[presented.argmax(axis=1)]
        return Column(f"predicted_{self.config.target}", values, ColumnKind.CATEGORY)

    def losses(self, output: Output, target: Tensor) -> Tensor:
        """(N,) cross-entropies of predictions (N, k) and the numbers of the true classes (N,)."""
        return F.cross_entropy(output.prediction, target, reduction="none")

    def present(self, prediction: Tensor) -> Tensor:
        """(N, k) to probabilities (N, k)."""
        return prediction.softmax(1)

    @property
    def exported_as(self) -> str:
        """See `base.Objective.exported_as`."""
        return f"the probabilities of the classes of '{self.config.target}', in this order: {', '.join(self._classes)}"

    def metric(self, presented: Tensor, truth: Tensor) -> Tensor:
        """1 for each image that is classified rightly, else 0, (N,)."""
        return (presented.argmax(1) == truth).float()

    def errors(self, presented: Tensor, truth: Tensor, counted: Tensor | None = None) -> Tensor:
        """1 - the probability given to the true class."""
        return 1.0 - presented.gather(1, truth.clamp(min=0)[:, None])[:, 0]

    def measure(self, tested: Tested) -> Classification:
        """Accuracy of the network and of three controls."""
        parts = [(part.output, part.truth, part.seen) for part in tested.batches()]
        probabilities = np.concatenate([output for output, _, _ in parts])
        true = np.concatenate([truth for _, truth, _ in parts]).astype(np.int64)
        predicted = probabilities.argmax(1)
        pca = tested.pca()
        own, k = self._members(tested.own), len(self._classes)
        read_out = pca.read_out(np.eye(k)[own[pca.rows]])
        linear = np.concatenate([read_out(seen) for _, _, seen in parts]).argmax(1)
        most_frequent = np.bincount(own[tested.train_rows], minlength=k).argmax()
        shuffled = numpy_stream(tested.seed, "shuffled truths").permutation(true)
        confusion = np.zeros((k, k), np.int64)
        np.add.at(confusion, (true, predicted), 1)
        return Classification(
            f"column '{self.config.target}' of {table_name(tested.data)}",
            self._classes,
            confusion,
            (1.0 - probabilities[np.arange(len(true)), true]).astype(np.float32),
            {
                "constant": float((true == most_frequent).mean()),
                "shuffled": float((predicted == shuffled).mean()),
                "pca": float((linear == true).mean()),
            },
            pca.n_components,
        )

    @property
    def _classes(self) -> tuple[str, ...]:
        assert self.config.classes is not None, "the classes are known once the settings are resolved"
        return self.config.classes

    def _members(self, data: ImageSet) -> Members:
        """(N,) number of each image's class, -1 where it is not known.

        Raises:
            UserError: the data have no such column, or classes that the network does not know.
        """
        assert self.config.target is not None
        labels = _as_learned(_labels(data, self.config.target), self._classes)
        unknown = sorted(set(labels[labels != ""].tolist()) - set(self._classes))
        if unknown:
            raise UserError(
                f"column '{self.config.target}' in {table_name(data)} has classes that the network was not trained "
                f"for: {', '.join(unknown[:10])}; it knows {', '.join(self._classes)}"
            )
        number = {name: i for i, name in enumerate(self._classes)} | {"": -1}
        return np.array([number[label] for label in labels.tolist()], np.int64)


class _Classes(Targets):
    def __init__(self, members: Members, device: torch.device) -> None:
        self.known = members >= 0
        self._members = torch.from_numpy(members).to(device)

    def batch(self, rows: BatchRows, images: Tensor) -> Tensor:
        """(n,) int64 numbers of classes."""
        return self._members[to_device(rows, self._members.device)]


@dataclass(frozen=True, eq=False)
class Classification(base.Result):
    """How many images are classified rightly.

    Attributes:
        compared_with: the true class, in words.
        classes: names of the k classes.
        confusion: (k, k) images of true class i that were predicted to be of class j.
        errors: (n,) 1 - the probability given to the true class.
        controls: accuracy of always naming the most frequent training class (`constant`), of the predictions against
            the labels of other images (`shuffled`), and of a linear read-out of a PCA (`pca`).
        pca_components: of the last one.
    """

    compared_with: str
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    errors: NDArray[np.float32]
    controls: Mapping[str, float]
    pca_components: int

    @property
    def accuracy(self) -> float:
        """Share of the images that are classified rightly."""
        return float(self.confusion.trace() / self.confusion.sum())

    @property
    def score(self) -> Score:
        """See `Result.score`."""
        return Score("accuracy (%)", 100 * self.accuracy, 100 * self.controls["pca"])

    def numbers(self) -> dict[str, Any]:
        """See `Result.numbers`."""
        return {
            "reference": self.compared_with,
            "accuracy": self.accuracy,
            **control_numbers({name: {"accuracy": a} for name, a in self.controls.items()}, self.pca_components),
            "classes": self.classes,
            "confusion": self.confusion,
        }

    def table(self) -> Table:
        """See `Result.table`."""
        named = {
            "most frequent class (control)": self.controls["constant"],
            "shuffled labels (control)": self.controls["shuffled"],
            f"PCA, {self.pca_components} components, linear (control)": self.controls["pca"],
            "network": self.accuracy,
        }
        return Table(
            ("", "accuracy (%)"),
            tuple((name, f"{100 * value:.2f}") for name, value in named.items()),
            f"{self.confusion.trace():,} of {self.confusion.sum():,} images are classified correctly",
        )

    def brief(self) -> str:
        """See `Result.brief`."""
        return f"accuracy {100 * self.accuracy:.1f} %"

    def draw_examples(self, shown: Predicted, pictures: NDArray[np.floating], title: str) -> Figure:
        """Images with the class that was predicted."""
        from autoencoder.plots.predictions.confusion import labelled_images

        best = shown.output.argmax(1)
        return labelled_images(
            pictures,
            [self.classes[i] for i in best],
            [self.classes[int(i)] for i in shown.truth],
            shown.output.max(1),
            title,
        )

    def draw_summary(self) -> Mapping[str, Figure]:
        """The confusion matrix, as `confusion`, unless there are more classes than can be drawn."""
        from autoencoder.plots.predictions.confusion import MAX_CLASSES, confusion_matrix

        if len(self.classes) > MAX_CLASSES:
            return {}
        title = f"{self.confusion.sum():,} images"
        return {"confusion": confusion_matrix(self.confusion, self.classes, accuracy=self.accuracy, title=title)}


def _only_category(data: ImageSet) -> str:
    names = [
        name
        for name in data.metadata.names
        if data.metadata.kind(name) is ColumnKind.CATEGORY and not _names_images(_labels(data, name))
    ]
    if USUAL_COLUMN in names:
        return USUAL_COLUMN
    if len(names) == 1:
        return names[0]
    if names:
        raise UserError(f"which classes? {table_name(data)} has the columns {', '.join(names)}: name one with --target")
    raise UserError(
        f"the objective 'classify' needs a label for each image, and {table_name(data)} has none: add a column of "
        f"text, or of whole numbers with at most {MAX_CATEGORIES} different values"
    )


def _labels(data: ImageSet, target: str) -> NDArray[np.str_]:
    """The label of each image as text, empty where it is not known."""
    values = data.metadata.column(target)
    if data.metadata.kind(target) is ColumnKind.CIRCULAR:
        raise UserError(
            f"column '{target}' is an angle, not a class: use --objective angle, or say --column-kind {target}=category"
        )
    if values.dtype.kind == "U":
        return values
    numbers = values.astype(np.float64)
    known = numbers[np.isfinite(numbers)]
    is_category = data.metadata.kind(target) is ColumnKind.CATEGORY  # which the user can say of any numbers
    if not is_category and ((known != known.round()).any() or len(np.unique(known)) > MAX_CATEGORIES):
        raise UserError(
            f"column '{target}' in {table_name(data)} is a quantity with {len(np.unique(known)):,} different values, "
            f"not a class: classes are text, or whole numbers with at most {MAX_CATEGORIES} different values"
        )
    return data.metadata.labels(target)


def _as_learned(labels: NDArray[np.str_], classes: tuple[str, ...]) -> NDArray[np.str_]:
    """Labels as the network knows them: runs of earlier versions read the code 007 as 7."""
    known = set(classes)
    learned = {name: str(int(name)) for name in set(labels.tolist()) - known if name.isascii() and name.isdigit()}
    return np.array([learned[n] if learned.get(n) in known else n for n in labels.tolist()], dtype=np.str_)


def _names_images(labels: NDArray[np.str_]) -> bool:
    """Whether each image has another label, as the names of files are; of few images, chance may have done that."""
    known = labels[labels != ""]
    return len(known) > MAX_CATEGORIES and len(np.unique(known)) == len(known)


def _classes(data: ImageSet, target: str) -> tuple[str, ...]:
    """Names of the classes, numbers in the order of numbers."""
    found: Sequence[str] = np.unique(_labels(data, target)).tolist()
    found = [name for name in found if name]
    if data.metadata.column(target).dtype.kind != "U":
        found = sorted(found, key=int)
    return tuple(found)

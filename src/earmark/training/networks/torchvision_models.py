"""torchvision's models, imported only where they are needed, also beside a torch that it was not compiled for."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import torch

from earmark.errors import MissingExtraError

BOX_OPERATORS = ("nms", "qnms")  # compiled; torchvision describes them as it is imported, whether they are there or not


def torchvision_models() -> Any:
    """The module `torchvision.models`.

    torchvision from one source and torch from another often do not fit: its compiled part is not loaded then, which
    it allows for, but importing it fails with `operator torchvision::nms does not exist`. No classifier needs that
    operator, so that it is enough to declare it.

    Raises:
        MissingExtraError: torchvision is not installed.
    """
    try:
        try:
            return importlib.import_module("torchvision.models")
        except RuntimeError as error:
            if "operator torchvision::" not in str(error):
                raise
            _declare_box_operators()
            return importlib.import_module("torchvision.models")
    except ImportError as error:
        raise MissingExtraError("transfer learning", "pretrained") from error


@cache  # a declaration lasts as long as its library
def _declare_box_operators() -> torch.library.Library:
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in BOX_OPERATORS:
        schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        library.define(schema)  # type: ignore[no-untyped-call]
    return library

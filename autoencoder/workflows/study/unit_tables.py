"""Tables of how many units a latent takes, and of how far runs have converged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autoencoder.study.measured.convergence import LOSS_FALL, MOVED
from autoencoder.study.measured.units import ERROR, HELD_OUT_LOSS
from autoencoder.workflows.markdown import TextTable

ERROR_NAMES = {ERROR: "MSE of held-out images", HELD_OUT_LOSS: "Held-out loss"}
"""Errors, and what they are called."""


def unit_tables(found: Mapping[str, Any]) -> list[tuple[str, TextTable]]:
    """Errors by the size of the latent: a table for each group, and which size the one-standard-error rule names.

    Args:
        found: what a study measured, by section; `units` as `autoencoder.study.measured.units.measure_units` gives it.
    """
    return [_group_table(group) for group in found.get("units", {}).get("groups", [])]


def _group_table(group: Mapping[str, Any]) -> tuple[str, TextTable]:
    name, with_pca = ERROR_NAMES[group["error"]], group["error"] == ERROR
    body = [
        [
            f"{size['latent_dim']}{_mark(group, size['latent_dim'])}",
            _mean(size, ".3g", ".2g"),
            str(size["n"]),
            *([_share(size["explained_variance"])] if with_pca else []),
            *([_number(size["pca_bound"], ".3g"), _share(size["pca_explained_variance"])] if with_pca else []),
        ]
        for size in group["sizes"]
    ]
    of_pca = ["variance (%)", "PCA's MSE", "PCA's variance (%)"] if with_pca else []
    title = f"Units of the latent, {group['group']}: {name} with 95 % over seeds"
    if with_pca:
        title += ", and the share of their variance that is kept, beside as many principal components of the images"
    return f"{title}. {_choice(group)}", (["units", "mean", "seeds", *of_pca], body)


def _mark(group: Mapping[str, Any], size: int) -> str:
    return " *" if size == group["smallest"] else ""


def _choice(group: Mapping[str, Any]) -> str:
    if group["smallest"] is None:
        return f"Least with {group['best']} units; {group['why_not']}"
    return (
        f"*: the fewest units whose mean is within one standard error ({group['standard_error']:.2g}) of the least, "
        f"which is that of {group['best']} units"
    )


def convergence_table(found: Mapping[str, Any]) -> list[tuple[str, TextTable]]:
    """What the second half of training changed in each setting, and how far apart runs were before and after it.

    Args:
        found: what a study measured, by section; `convergence` as
            `autoencoder.study.measured.convergence.measure_convergence` gives it.
    """
    section = found.get("convergence", {})
    if not section.get("settings"):
        return []
    means = {
        effect["measure"]: {entry["setting"]: entry for entry in effect["settings"]} for effect in section["effects"]
    }
    body = []
    for setting in section["settings"]:
        moved, fall = (means.get(name, {}).get(setting["setting"]) for name in (MOVED, LOSS_FALL))
        body.append(
            [
                setting["setting"],
                str(setting["n"]),
                f"{setting['epochs']:.3g}",
                _updates(setting),
                "-" if moved is None else _mean(moved, ".1f", ".1f"),
                "-" if fall is None else _mean(fall, ".1f", ".1f", 100),
            ]
        )
    title = (
        "Convergence: Procrustes angle between a run's codes at half of its training and at its end, and the share of "
        "the fall of its training loss that came in the second half of its epochs; mean and 95 % over seeds"
    )
    header = ["", "runs", "epochs", "updates", "moved (deg)", "loss fall (%)"]
    return [(title, (header, body)), *_halves(section["halves"])]


def _updates(setting: Mapping[str, Any]) -> str:
    fewest, most = setting["fewest_updates"], setting["updates"]
    return f"{most:,}" if fewest == most else f"{fewest:,} to {most:,}"


def _halves(halves: Mapping[str, Mapping[str, float | None]]) -> list[tuple[str, TextTable]]:
    body = [
        [name, _number(half["epoch"], ".3g"), _number(half["within"], ".1f"), _number(half["between"], ".1f")]
        for name, half in (("half of training", halves["half"]), ("the end", halves["end"]))
    ]
    title = "How far apart runs are at half of training and at the end: means over pairs, Procrustes angle in degrees"
    return [(title, (["", "epoch", "one setting", "other setting and seed"], body))]


def _mean(entry: Mapping[str, Any], form: str, of_interval: str, times: float = 1) -> str:
    """Such as "5.3 ± 0.2"; without the interval where there is none."""
    mean = f"{times * entry['mean']:{form}}"
    return mean if entry["low"] is None else f"{mean} ± {times * (entry['high'] - entry['mean']):{of_interval}}"


def _share(value: float | None) -> str:
    return _number(None if value is None else 100 * value, ".1f")


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"

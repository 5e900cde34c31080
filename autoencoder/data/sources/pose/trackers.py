"""What is known of trackers by their names, where a file of another tool says which it was."""

from __future__ import annotations

from autoencoder.data.sources.pose.pose import LIKELIHOOD, SCORE, Scores

LIKELIHOODS = ("deeplabcut", "dlc", "lightning", "litpose", "eks")
"""Parts of the names of trackers whose scores are likelihoods."""


def scores_of(software: str) -> Scores:
    """What the scores of a tracker are, by how a file names it.

    Those of an unknown one are taken for heights of a peak, whose threshold is the lower one: to leave out a part that
    was found is worse than to keep one that is uncertain.
    """
    return LIKELIHOOD if any(name in software.lower() for name in LIKELIHOODS) else SCORE

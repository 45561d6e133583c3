"""Scoring, and what one writes about it."""

from ccreid.evaluation.metrics import Scores, score, score_rules

__all__ = ["Scores", "score", "score_rules"]

"""Scoring, and what one writes about it."""

from ccreid.evaluation.metrics import Scores, score, score_rules, score_similarities
from ccreid.ops.reranking import rerank

__all__ = ["Scores", "rerank", "score", "score_rules", "score_similarities"]

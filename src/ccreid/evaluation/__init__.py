"""A network scored under every protocol of a benchmark."""

from ccreid.evaluation.metrics import Scores, score, score_rules, score_similarities
from ccreid.ops.reranking import rerank

__all__ = ["Scores", "rerank", "score", "score_rules", "score_similarities"]

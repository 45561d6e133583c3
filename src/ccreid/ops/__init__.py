"""Pure functions of tensors: neighbourhoods, clusters, ranks."""

from ccreid.ops.clustering import density_clusters
from ccreid.ops.neighbours import jaccard_distance

__all__ = ["density_clusters", "jaccard_distance"]

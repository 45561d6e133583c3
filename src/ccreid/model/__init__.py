"""The network, its backbones, its embeddings, its bundle."""

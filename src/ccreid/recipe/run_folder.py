"""What stands where in the folder of a run.

::

    recipe.yaml               every setting, resolved
    journal.jsonl             every step and epoch
    checkpoint.safetensors    where the run stands
    best.safetensors          the network of the best epoch on validation so far
    diverged/                 the batch whose loss was no number, where one was
    bundle/                   the model to ship
    embeddings/               of query and gallery
    report.json, report.txt   the scores
    report.html               the scores with curves, reliance on clothes and ranked lists, in one file
    queries.parquet           what became of every query under every protocol
    ranked-PROTOCOL.png       ranked lists
"""

from __future__ import annotations

RECIPE, JOURNAL, CHECKPOINT, BEST = "recipe.yaml", "journal.jsonl", "checkpoint.safetensors", "best.safetensors"
DIVERGED, BUNDLE = "diverged", "bundle"
EMBEDDINGS, REPORT, QUERIES = "embeddings", "report.json", "queries.parquet"

"""Collections of a Milvus server: the few calls that a store makes, each with an end to its patience."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccreid.errors import StorageError
from ccreid.machine.extras import need
from ccreid.retrieval.stores.milvus_rows import NO_VECTOR, PART_BYTES, PARTS, Entity
from ccreid.retrieval.stores.store import ID

_UNCONNECTED = 2
"""What pymilvus says where it cannot reach the server."""

PATIENCE_S = 20.0
"""After so long without an answer, tries and all, a call has failed."""
_PAUSE_S = 0.2
_NOT_LOADED = ("not loaded", "not fully loaded")
PAGE = 2_000
"""So many entities are sent, or asked for, in one call: a few MB."""
EXACT, APPROXIMATE = "FLAT", "HNSW"
_BUILDING: Mapping[str, Any] = {EXACT: {}, APPROXIMATE: {"M": 16, "efConstruction": 200}}
_SEARCHED = 512
"""So many candidates are kept while a graph of neighbours is searched; an exact search looks at all anyway."""
_KEY_BYTES = 200
_STRONG = "Strong"
"""Whoever reads sees all that was written before, by whomever."""

Found = Mapping[str, Any]

logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs whole tracebacks of what becomes an error here


class Collections:
    """The collections of one store on a server.

    Parameters
    ----------
    uri:
        For messages.
    server:
        Its address, http://host:port.
    name:
        What the names of the collections begin with.

    Raises
    ------
    SettingError
        pymilvus is not installed.
    StorageError
        In all calls: the server does not answer, or refuses.
    """

    def __init__(self, uri: str, server: str, name: str) -> None:
        self._library = need("pymilvus", extra="milvus", to="keep a gallery on a Milvus server")
        self._uri = uri
        self._server = server
        self._name = name
        self._client: Any = None
        self._there: set[str] = set()

    def of(self, dimension: int | None) -> str:
        """The name of the collection of vectors of so many numbers, or of rows without any."""
        return self._name if dimension is None else f"{self._name}_d{dimension}"

    def there(self) -> list[str]:
        """Those of the store that there are."""
        every: list[str] = self._ask("list_collections")
        prefix = self.of(None) + "_d"
        return [name for name in every if name == self.of(None) or name.removeprefix(prefix).isdecimal()]

    def make(self, dimension: int | None) -> str:
        """Make the collection of vectors of so many numbers; it may be there."""
        name = self.of(dimension)
        if not self.has(name):
            self._make(name, dimension or len(NO_VECTOR))
        self.finish(name)
        return name

    def has(self, name: str) -> bool:
        """Whether a collection is there."""
        if name not in self._there and self._ask("has_collection", name):
            self._there.add(name)
        return name in self._there

    def finish(self, name: str) -> None:
        """Make a collection answer whose maker, or the one who changed its index, was killed."""
        if self._ask("get_load_state", name)["state"].name != "Loaded":
            self._load(name, EXACT)

    def put(self, name: str, entities: Iterable[Entity]) -> None:
        """Keep entities, each in the place of one with the same key."""
        for page in paged(entities):
            self._ask("upsert", name, page)

    def delete(self, name: str, keys: Sequence[str]) -> None:
        """Delete all at once."""
        if len(keys):
            self._ask("delete", name, ids=list(keys))

    def find(self, name: str, condition: str, fields: Sequence[str], names: Sequence[str] | None = None) -> list[Found]:
        """The entities that meet a condition, of some names or of all, each key once."""
        if not self.has(name):
            return []
        if names is None:
            return list(self._pages(name, condition, fields))
        found: list[Found] = []
        for page in paged(sorted(set(names))):
            found += self._pages(name, f"{condition} and name in {json.dumps(page)}", fields)
        return found

    def count(self, name: str, condition: str) -> int:
        """How many meet a condition."""
        if not self.has(name):
            return 0
        answer = self._ask("query", name, filter=condition, output_fields=["count(*)"], consistency_level=_STRONG)
        return int(answer[0]["count(*)"])

    def search(
        self, name: str, condition: str, vectors: NDArray[np.float32], count: int
    ) -> list[list[tuple[str, float]]]:
        """Ids and similarities of the nearest that meet a condition, for each vector."""
        found: list[list[tuple[str, float]]] = []
        for start in range(0, len(vectors), PAGE):
            answer = self._answer(
                "search",
                name,
                data=vectors[start : start + PAGE].tolist(),
                filter=condition,
                limit=count,
                output_fields=[ID],
                search_params={"metric_type": "COSINE", "params": {"ef": max(_SEARCHED, count)}},
                consistency_level=_STRONG,
            )
            found += [[(hit["entity"][ID], float(hit["distance"])) for hit in hits] for hits in answer]
        return found

    def index(self, name: str, kind: str) -> None:
        """Search a collection exactly, or by an approximate index; nothing is done where it is so already."""
        if not self.has(name) or self._ask("describe_index", name, "vector")["index_type"] == kind:
            return
        # It answers nobody meanwhile; readers wait, see `_answer`.
        self._ask("release_collection", name)
        for index in self._ask("list_indexes", name):
            self._ask("drop_index", name, index)
        self._load(name, kind)

    def compact(self, name: str) -> bool:
        """Write out what was deleted and have the server leave it behind; whether it says that this is done."""
        self._ask("flush", name)
        return bool(self._ask("get_compaction_state", self._ask("compact", name)) == "Completed")

    def _pages(self, name: str, condition: str, fields: Sequence[str]) -> Iterator[Found]:
        last = ""
        while True:
            page = self._answer(
                "query",
                name,
                filter=f'{condition} and key > "{last}"',
                output_fields=[*fields, "key"],
                limit=PAGE,
                consistency_level=_STRONG,
            )
            yield from page
            if len(page) < PAGE:
                return
            last = max(one["key"] for one in page)

    def _make(self, name: str, dimension: int) -> None:
        if not self._ask("has_collection", name):
            kinds = self._library.DataType
            schema = self._library.MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", kinds.VARCHAR, is_primary=True, max_length=_KEY_BYTES)
            schema.add_field("name", kinds.VARCHAR, max_length=_KEY_BYTES)
            schema.add_field(ID, kinds.VARCHAR, max_length=PART_BYTES)
            for number in ("space", "write"):
                schema.add_field(number, kinds.INT64)
            for part in PARTS:
                schema.add_field(part, kinds.VARCHAR, max_length=PART_BYTES)
            schema.add_field("vector", kinds.FLOAT_VECTOR, dim=dimension)
            self._ask("create_collection", name, schema=schema, num_shards=1)

    def _load(self, name: str, kind: str) -> None:
        if not self._ask("list_indexes", name):  # whoever made the collection may have been killed before
            index = self._library.MilvusClient.prepare_index_params()
            index.add_index("vector", index_type=kind, metric_type="COSINE", params=_BUILDING[kind])
            self._ask("create_index", name, index)
        self._ask("load_collection", name)

    def _answer(self, method: str, name: str, **named: Any) -> Any:
        """Ask a collection something, and wait while its index is being changed; mend it where that never ends."""
        started = time.monotonic()
        while True:
            try:
                return self._ask(method, name, **named)
            except StorageError as error:
                waited = time.monotonic() - started
                if not any(told in error.message for told in _NOT_LOADED) or waited > 2 * PATIENCE_S:
                    raise
            if waited > PATIENCE_S / 2:  # whoever changed it was killed, or it would be through
                self.finish(name)
            time.sleep(_PAUSE_S)

    def _ask(self, method: str, *arguments: Any, **named: Any) -> Any:
        """Call the client, which tries again by itself until the time is up."""
        try:
            if self._client is None:
                self._client = self._connected()
            return getattr(self._client, method)(*arguments, timeout=PATIENCE_S, **named)
        except (self._library.MilvusException, OSError, RuntimeError, ValueError) as error:
            if getattr(error, "code", None) == _UNCONNECTED:
                self._hang_up()
            text = str(getattr(error, "message", "") or error) or type(error).__name__
            raise StorageError(
                f"{self._uri} does not answer as it should: {text.splitlines()[0].rstrip('.')[:300]}.",
                f"Is the server up, and its address right? It was tried for up to {PATIENCE_S:g} seconds. What was "
                "being changed is seen by nobody; the next command that writes clears it away.",
            ) from error

    def _connected(self) -> Any:
        """A client that has reached the server.

        Connections to one address share their pauses, new ones too, and fail at once while one lasts.
        """
        started = time.monotonic()
        while True:
            try:
                return self._library.MilvusClient(uri=self._server, timeout=PATIENCE_S, dedicated=True)
            except self._library.MilvusException as error:
                if error.code != _UNCONNECTED or time.monotonic() - started > PATIENCE_S / 2:
                    raise
            time.sleep(_PAUSE_S)

    def _hang_up(self) -> None:
        """Connect anew next time: one that failed pauses for longer and longer, also when the server is back."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def paged(many: Iterable[Any]) -> Iterator[list[Any]]:
    """Lists of at most `PAGE`."""
    page: list[Any] = []
    for one in many:
        page.append(one)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page

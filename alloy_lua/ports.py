"""What the outside fills in: the store protocol. Implemented in ``stores``, used by ``runner`` and ``app``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .model import Health, Revision, Run, RunStatus, Script, Status, Tape
from .schema import Schema

if TYPE_CHECKING:
    from .access_model import AuditEntry
    from .access_ports import AuditStore, IdempotencyStore, ReviewStore, TenantStore, TokenStore
    from .job_ports import JobStore, OutboxStore


class HookFilter(NamedTuple):
    """Events ``<entity>.<hook>`` with one of the hooks; of any entity type if that is None."""

    entity: str | None
    hooks: tuple[str, ...]


class ScriptQuery(NamedTuple):
    """Which scripts to list; None means any. ``after`` is the name of the last script of the page before."""

    tenant: str
    status: Status | None = None
    event: str | None = None
    text: str | None = None
    after: str | None = None
    limit: int = 100
    hooks: HookFilter | None = None
    tag: str | None = None


class RunQuery(NamedTuple):
    """Which runs to list, newest first; None means any. ``before`` is the id of the last run of the page before."""

    tenant: str
    script_id: str | None = None
    revision: int | None = None
    event: str | None = None
    entity_type: str | None = None
    entity_id: str | None = None
    status: RunStatus | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_duration_us: int | None = None
    before: str | None = None
    limit: int = 100


class Document(NamedTuple):
    """A small stored piece of a tenant's configuration: a sealed secret, an egress rule, a bypass.

    ``kind`` and ``name`` identify it within its tenant; ``body`` is JSON-like.
    """

    tenant: str
    kind: str
    name: str
    body: dict[str, Any]
    updated_at: datetime
    updated_by: str


class Documents(Protocol):
    """Where documents live. Writes move the change counter, so that every process takes them up at its next poll.

    A method that takes ``audit`` writes that entry in the same transaction as the change, or neither.
    """

    def put(self, document: Document, *, audit: AuditEntry | None = None) -> None:
        """Writes a document, in place of the one of the same tenant, kind and name.

        Raises:
            ValidationError: A name is longer than 200 characters or holds what no database can.
        """

    def get(self, tenant: str, kind: str, name: str) -> Document | None:
        """Returns the document, None if there is none."""

    def of_kind(self, kind: str, tenant: str | None = None) -> list[Document]:
        """Returns the documents of a kind, of one tenant or of all, in order of tenant and name."""

    def delete(self, tenant: str, kind: str, name: str, *, audit: AuditEntry | None = None) -> bool:
        """Returns whether there was such a document to remove."""


class Quota(NamedTuple):
    """What a tenant may keep in its key-value space: live keys, and bytes of names and values together."""

    keys: int = 10_000
    bytes: int = 10 * 1024 * 1024


class KeyInfo(NamedTuple):
    """A key, the bytes that it and its value count for in the quota, and when it expires; None if it does not."""

    key: str
    size: int
    expires_at: datetime | None


class KeyValues(Protocol):
    """Small values by tenant and key, some of which expire. Writes of one tenant happen one after the other.

    An expired value is as good as gone for every method, whether or not it has been pruned.
    A method that takes ``audit`` writes that entry in the same transaction as the change, or neither.
    """

    def get(self, tenant: str, key: str, now: datetime) -> Any:
        """Returns the value, None if there is none."""

    def set(
        self, tenant: str, key: str, value: Any, expires_at: datetime | None, quota: Quota, now: datetime, *,
        audit: AuditEntry | None = None,
    ) -> None:  # fmt: skip
        """Writes a JSON-like value.

        Raises:
            LimitExceeded: The tenant would keep more than ``quota`` (code ``quota_exceeded``).
        """

    def incr(
        self, tenant: str, key: str, by: int | float, expires_at: datetime | None, quota: Quota, now: datetime
    ) -> int | float:
        """Returns the number at ``key`` after adding ``by`` to it; no concurrent call is lost.

        A missing value counts as 0, and only then ``expires_at`` is taken: a counter's time runs from its first use.

        Raises:
            InvalidValue: The value there is no number.
            LimitExceeded: As for `set`.
        """

    def delete(self, tenant: str, key: str, now: datetime, *, audit: AuditEntry | None = None) -> bool:
        """Returns whether there was a value to remove."""

    def keys(self, tenant: str, prefix: str, after: str | None, limit: int, now: datetime) -> list[KeyInfo]:
        """Returns the live keys that begin with ``prefix``, in order, behind the key ``after``."""

    def usage(self, tenant: str) -> tuple[int, int]:
        """Returns how many keys and bytes the tenant keeps, with what has expired but is not pruned yet."""

    def prune(self, now: datetime) -> int:
        """Returns how many expired values it removed, of all tenants."""


class TapeQuery(NamedTuple):
    """Which tapes to list, newest first; None means any. ``before`` is the run id of the last of the page before."""

    tenant: str
    script_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: str | None = None
    limit: int = 100


class Tapes(Protocol):
    """Where recorded runs live."""

    def add(self, tapes: Sequence[Tape]) -> None:
        """Writes tapes in one transaction; one whose run is on tape already is left as it is."""

    def get(self, tenant: str, run_id: str) -> Tape:
        """Returns one tape.

        Raises:
            NotFound: The tenant has none of that run.
        """

    def matching(self, query: TapeQuery) -> list[Tape]:
        """Returns the matching tapes, newest first (by time, then run id)."""

    def delete(self, tenant: str, run_id: str) -> bool:
        """Returns whether there was such a tape to remove."""

    def prune(self, now: datetime) -> int:
        """Returns how many tapes it removed: those that have expired."""

    def trim(self, tenant: str, script_id: str, keep: int) -> int:
        """Returns how many tapes of a script it removed: all but the ``keep`` newest."""


class Store(Protocol):
    """Where scripts, revisions, health and runs live. Every method is safe to call from any thread.

    Every read and write of a script names its tenant, so that no tenant can reach another's rows.
    A database that cannot be reached or fails raises `StoreError`.
    A method that takes ``audit`` writes that entry in the same transaction as the change, or neither.
    """

    url: str
    documents: Documents
    kv: KeyValues

    @property
    def tokens(self) -> TokenStore:
        """API tokens."""

    @property
    def tenants(self) -> TenantStore:
        """Tenants' settings."""

    @property
    def reviews(self) -> ReviewStore:
        """What reviewers said of revisions."""

    @property
    def audit(self) -> AuditStore:
        """The audit log."""

    @property
    def idempotency(self) -> IdempotencyStore:
        """Calls by idempotency key."""

    @property
    def outbox(self) -> OutboxStore:
        """Hooks to run once the platform's transaction has committed.

        Raises:
            ConfigError: The store is no database.
        """

    @property
    def jobs(self) -> JobStore:
        """Background work."""

    @property
    def tapes(self) -> Tapes:
        """Runs recorded for replay."""

    def migrate(self) -> list[str]:
        """Returns the names of the migrations applied now, in order; none when the schema is up to date.

        Safe to run twice and from several processes at once.
        """

    def pending_migrations(self) -> list[str]:
        """Returns the names of the migrations not applied yet."""

    def close(self) -> None:
        """Releases connections; safe to call twice."""

    # -- scripts ---------------------------------------------------------------------------------------------
    def add_script(self, script: Script, revision: Revision, *, audit: AuditEntry | None = None) -> None:
        """Writes a new script (version 1) with its first revision in one transaction.

        Raises:
            Conflict: The tenant already has a script of that name or id; details say who changed it and when.
        """

    def get_script(self, tenant: str, key: str) -> Script:
        """Returns the tenant's script whose name or id is ``key`` (a name wins over an id).

        Raises:
            NotFound: The tenant has none.
        """

    def list_scripts(self, query: ScriptQuery) -> list[Script]:
        """Returns the matching scripts in order of name. ``text`` is looked for in name and description."""

    def save_script(
        self, script: Script, *, expected_version: int, revision: Revision | None = None,
        audit: AuditEntry | None = None,
    ) -> Script:  # fmt: skip
        """Returns the script as written: all settings of ``script``, version ``expected_version + 1``.

        Writes the settings and, where given, the new revision, in one transaction or not at all.

        Raises:
            NotFound: The tenant has no such script.
            Conflict: The row's version is not ``expected_version``; details hold ``expected``, ``actual``,
                ``updated_by``, ``updated_at``. Or the new name is taken.
        """

    def delete_script(
        self, tenant: str, script_id: str, *, expected_version: int, audit: AuditEntry | None = None
    ) -> None:
        """Removes the script, its revisions and its health; its runs stay on record.

        Raises:
            NotFound, Conflict: as for `save_script`.
        """

    def get_revision(self, tenant: str, script_id: str, number: int) -> Revision:
        """Returns one revision.

        Raises:
            NotFound: The tenant has no such script or revision.
        """

    def list_revisions(self, tenant: str, script_id: str) -> list[Revision]:
        """Returns all revisions of the tenant's script, oldest first."""

    def iter_active(self) -> Iterator[Script]:
        """Returns all active scripts of all tenants (for the hook registry), ordered by tenant and name."""

    def change_counter(self) -> int:
        """Returns a number that grows with every committed write of a script, token, tenant or document, wherever."""

    # -- health ----------------------------------------------------------------------------------------------
    def get_health(self, tenant: str, script_id: str) -> Health:
        """Returns the script's health; all zeros if none was written yet."""

    def add_health(self, deltas: Sequence[Health]) -> None:
        """Adds each delta's counts to the stored ones; breaker state and last error replace the stored ones.

        A delta whose script no longer exists is dropped. ``last_error_*`` of None leaves the stored error.
        """

    # -- runs ------------------------------------------------------------------------------------------------
    def add_runs(self, runs: Sequence[Run]) -> None:
        """Writes a batch of runs in one transaction; a run whose id is already stored is left as it is."""

    def get_run(self, tenant: str, run_id: str) -> Run:
        """Returns one run.

        Raises:
            NotFound: The tenant has no such run.
        """

    def list_runs(self, query: RunQuery) -> list[Run]:
        """Returns the matching runs, newest first (by start, then id)."""

    def count_runs(self, query: RunQuery) -> int:
        """Returns how many runs match (``limit`` and ``before`` are ignored)."""

    def prune_runs(self, *, older_than: datetime | None = None, keep: int | None = None) -> int:
        """Returns how many runs it removed: those started before ``older_than``, and all but the ``keep`` newest."""


class Bound(NamedTuple):
    """Which hooks one kind of write has; ``previous`` says whether any of them looks at the state before."""

    before: bool
    after: bool
    on_commit: bool
    on_rollback: bool
    previous: bool

    @property
    def in_transaction(self) -> bool:
        """Whether the write needs a transaction around it and its hooks."""
        return self.after or self.on_commit or self.on_rollback


class EntityAdapter(Protocol):
    """How one kind of record (dict, dataclass, model) is read and written."""

    readable: frozenset[str] | None
    writable: frozenset[str] | None
    schema: Schema | None

    def fields(self, record: Any) -> dict[str, Any]:
        """Returns all readable fields of ``record`` by name, with Python values."""

    def get(self, record: Any, name: str) -> Any:
        """Returns one readable field; None if the record has none of that name or it is not readable."""

    def identity(self, record: Any) -> str | None:
        """Returns the record's id as text, None if it has none yet."""

    def merged(self, record: Any, changes: Mapping[str, Any]) -> Any:
        """Returns ``record`` with ``changes`` applied: a new object, or the same one for live models."""


class TableEvaluator(Protocol):
    """Evaluates Arrow batches in a worker process of another engine, for one thread at a time."""

    def output_schema(self, schema: Any) -> Any:
        """Returns the Arrow schema of what batches of ``schema`` become."""

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yields the rows with the changes made, and ``_status``, ``_reason`` and ``_error_code``."""

    def table(self, table: Any) -> Any:
        """Returns the same for the rows of a table."""

    def take(self) -> dict[str, int]:
        """Returns the counts since the last call: rows, changed, rejected, failed, fuel."""


class TableSpec(Protocol):
    """What is to be evaluated, in a form that travels."""

    def open(self) -> TableEvaluator:
        """Returns an evaluator for this process."""

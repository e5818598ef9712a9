"""Several scripts over one batch: each sees the changes of those before it, and only rows that go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from .answer import CONTINUE, FAILED, Answer, Field
from .fitting import of_type, plain_type, written_type

Run = Callable[[pa.RecordBatch], Answer]


@dataclass(frozen=True, slots=True)
class Step:
    """One script of a chain.

    Attributes:
        run: Runs it over a batch.
        closed: Whether a row that it fails on ends there; else the row goes on as it was.
    """

    run: Run
    closed: bool


def run_chain(steps: Sequence[Step], batch: pa.RecordBatch) -> tuple[Answer, int]:
    """Returns what all steps together made of each row, and how many failures were let pass."""
    if not steps:
        return nothing(batch.num_rows), 0
    whole, tolerated = _run(steps[0], batch)
    if len(steps) == 1:
        return whole, tolerated
    for step in steps[1:]:
        going = pc.equal(whole.status, CONTINUE)
        everywhere = going.true_count == len(going)
        current = applied(batch, whole.fields)
        answer, passed = _run(step, current if everywhere else current.filter(going))
        tolerated += passed
        whole = _joined(whole, answer if everywhere else _spread(answer, going))
    return _without_changes_of_stopped(whole), tolerated


def _run(step: Step, batch: pa.RecordBatch) -> tuple[Answer, int]:
    answer = step.run(batch)
    return (answer, 0) if step.closed else _let_pass(answer)


def nothing(rows: int) -> Answer:
    """Returns the answer of no script at all."""
    return Answer(
        pa.repeat(pa.scalar(CONTINUE, pa.int8()), rows), pa.nulls(rows, pa.string()), pa.nulls(rows, pa.string()),
        0, {},
    )  # fmt: skip


def applied(batch: pa.RecordBatch, fields: dict[str, Field]) -> pa.RecordBatch:
    """Returns the batch with the changes made; new columns come last."""
    for name, field in fields.items():
        at = batch.schema.get_field_index(name)
        if at < 0:
            batch = batch.append_column(name, field.values)
        elif field.changed.true_count:
            column = merged(batch.column(at), field.values, field.changed)
            batch = batch.set_column(at, batch.schema.field(at).with_nullable(True).with_type(column.type), column)
    return batch


def merged(old: pa.Array, new: pa.Array, changed: pa.BooleanArray) -> pa.Array:
    """Returns ``new`` where ``changed``, else ``old``, in the `written_type` of ``old``."""
    kind = written_type(old.type)
    plain = plain_type(kind)
    if plain != old.type:
        made = merged(of_type(plain, old), new, changed)
        return of_type(kind, made.dictionary_encode() if pa.types.is_dictionary(kind) else made)
    try:
        return pc.if_else(changed, new, old)
    except pa.ArrowNotImplementedError:  # some nested and view types
        rows = zip(changed.to_pylist(), new, old, strict=True)
        return pa.array([(one if took else other).as_py() for took, one, other in rows], kind)


def _let_pass(answer: Answer) -> tuple[Answer, int]:
    failed = pc.equal(answer.status, FAILED)
    passed = failed.true_count
    if not passed:
        return answer, 0
    status = pc.if_else(failed, pa.scalar(CONTINUE, pa.int8()), answer.status)
    none = pa.scalar(None, pa.string())
    reason, code = (pc.if_else(failed, none, texts) for texts in (answer.reason, answer.code))
    return Answer(status, reason, code, answer.fuel, answer.fields), passed


def _spread(answer: Answer, going: pa.BooleanArray) -> Answer:
    """Returns an answer for all rows from that for the rows ``going`` on; others are null."""
    place = pc.subtract(pc.cumulative_sum(going.cast(pa.int64())), 1)
    rows = pc.if_else(going, place, pa.scalar(None, pa.int64()))
    fields = {
        name: Field(field.values.take(rows), pc.fill_null(field.changed.take(rows), False))
        for name, field in answer.fields.items()
    }
    return Answer(
        answer.status.take(rows), answer.reason.take(rows), answer.code.take(rows),
        answer.fuel, fields,
    )  # fmt: skip


def _joined(first: Answer, then: Answer) -> Answer:
    fields = dict(first.fields)
    for name, field in then.fields.items():
        before = fields.get(name)
        if before is not None:
            earlier = before.values.cast(field.values.type) if pa.types.is_null(before.values.type) else before.values
            field = Field(merged(earlier, field.values, field.changed), pc.or_(before.changed, field.changed))
        fields[name] = field
    return Answer(
        pc.coalesce(then.status, first.status), pc.coalesce(first.reason, then.reason),
        pc.coalesce(first.code, then.code), first.fuel + then.fuel, fields,
    )  # fmt: skip


def _without_changes_of_stopped(answer: Answer) -> Answer:
    going = pc.equal(answer.status, CONTINUE)
    if going.true_count == len(going) or not answer.fields:
        return answer
    fields = {
        name: Field(
            merged(field.values, pa.nulls(len(going), field.values.type), pc.invert(going)),
            pc.and_(field.changed, going),
        )
        for name, field in answer.fields.items()
    }
    return Answer(answer.status, answer.reason, answer.code, answer.fuel, fields)

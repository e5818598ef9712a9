"""What a batch of rows came to, whichever engine ran it: the row engine (rows.py) or the column engine (columns.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

CONTINUE, REJECTED, FAILED = 0, 1, 2
UNCHANGED, VALUE, NIL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Field:
    """What happened to one field in each row.

    Attributes:
        values: The new values; null where there is none.
        state: int8: 0 unchanged, 1 a new value, 2 set to nil. Null alone would not tell the first from the last.
    """

    values: pa.Array
    state: pa.Int8Array


@dataclass(frozen=True, slots=True)
class Answer:
    """What a batch came to; all arrays have its length.

    Attributes:
        status: int8: 0 continue, 1 rejected, 2 failed.
        reason: string: why a row was rejected, or the message of its error; null for the others.
        code: string: the error code of a failed row; null for the others.
        fuel: int64: units of work used.
        fields: By name, each field that the script may write.
    """

    status: pa.Int8Array
    reason: pa.StringArray
    code: pa.StringArray
    fuel: pa.Int64Array
    fields: dict[str, Field]

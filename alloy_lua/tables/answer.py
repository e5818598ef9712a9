"""What a batch of rows came to, whichever engine ran it: the row engine (rows.py) or the column engine (columns.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

CONTINUE, REJECTED, FAILED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Field:
    """What happened to one field in each row.

    Attributes:
        values: The new values; null where there is none.
        changed: Where the field changed. A change whose value is null set the field to nil.
    """

    values: pa.Array
    changed: pa.BooleanArray


@dataclass(frozen=True, slots=True)
class Answer:
    """What a batch came to; arrays have its length. A row that a single script stopped has no changes.

    Attributes:
        status: int8: 0 continue, 1 rejected, 2 failed.
        reason: string: why a row was rejected, or the message of its error; null for the others.
        code: string: the error code of a failed row; null for the others.
        fuel: Units of work that all rows used.
        fields: By name, each field that the script may write.
    """

    status: pa.Int8Array
    reason: pa.StringArray
    code: pa.StringArray
    fuel: int
    fields: dict[str, Field]

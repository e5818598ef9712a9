"""A runtime that runs one program over columns: a driver for each set of layouts, and the way through a batch."""

from __future__ import annotations

from array import array
from collections.abc import Callable

from ..errors import CompileError
from ..limits import Limits
from .columns import Layout, column_driver
from .hosttable import HostTable
from .program import Program, with_returning_aborts
from .runtime import TRAINING_ROWS, LuaError, Rows, Runtime

RECORD_AT = 1  # the row behind which compiling begins

Layouts = dict[str, Layout]
Grow = Callable[[int], None]


class ColumnRuntime:
    """One Lua state with one program.

    Args:
        hosts: The host modules that the program may see.
        program: What to run; it fits (see drivers.py).
        limits: Those of each row.

    Attributes:
        retired: Whether it must not be used again.
    """

    def __init__(self, hosts: HostTable, program: Program, limits: Limits) -> None:
        # each collection walks all that is there: a row's texts cost a sixth less without the modules it never calls
        self._runtime = Runtime(HostTable(each for each in hosts.modules if each.name in program.mentions))
        self._limits = limits
        returning = with_returning_aborts(program, self._runtime.syntax_error)
        if returning is not None:
            try:
                self._runtime.load(returning)
            except CompileError:
                returning = None
        self._program = returning or program
        self._columns = self._runtime.columns(self._program, limits, aborts_return=returning is not None)
        self._drivers: dict[tuple[tuple[str, Layout], ...], Rows] = {}
        self.retired = False

    def run(self, layouts: Layouts, plan: array[int], rows: int, grow: Grow, look: Callable[[], None]) -> None:
        """Runs a batch.

        Args:
            layouts: Of the columns that the program uses, by name.
            plan: The cells and addresses that the driver reads.
            rows: How many rows, each marked `AGAIN`.
            grow: Makes room for the text of a written field, given its number from 1; 0 are the rejections' reasons.
            look: Called each time the driver comes back; what it raises ends the batch.
        """
        try:
            driver = self._drivers.get(tuple(layouts.items()))
            first = 0
            if driver is None:
                driver = self._driver(layouts)
                first = min(rows, TRAINING_ROWS)
                with self._runtime.recording():
                    self._run_rows(driver, plan, 0, first, grow, look)
            self._run_rows(driver, plan, first, rows, grow, look)
        except LuaError:  # out of memory beyond the rows: what has not come to an end is run by itself
            self.retired = True
        except BaseException:
            self.retired = True
            raise

    def _driver(self, layouts: Layouts) -> Rows:
        text = column_driver(
            self._program, self._limits, layouts,
            sets_globals=self._columns.sets_globals, calls_host=self._columns.calls_host,
        )  # fmt: skip
        driver = self._drivers[tuple(layouts.items())] = self._columns.driver(text)
        return driver

    def _run_rows(
        self, driver: Rows, plan: array[int], first: int, last: int, grow: Grow, look: Callable[[], None]
    ) -> None:
        address = plan.buffer_info()[0]
        while first < last:
            reached = driver(address, first, last, RECORD_AT)
            self._runtime.broker.raise_interrupt()
            first, full = reached if isinstance(reached, tuple) else (reached, None)
            if full is not None:
                grow(full)
            look()

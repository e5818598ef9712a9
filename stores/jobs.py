"""Background work in the database: jobs, nodes, limits and marks behind one port."""

from __future__ import annotations

from .gateway import Gateway
from .job_queries import JobQueries, Log
from .node_queries import NodeQueries
from .step_queries import StepQueries


class Jobs(JobQueries, NodeQueries, StepQueries):
    """A `JobStore`; see the protocol for what each method promises."""

    def __init__(self, gateway: Gateway, log: Log) -> None:
        JobQueries.__init__(self, gateway, log)
        NodeQueries.__init__(self, gateway, log)
        StepQueries.__init__(self, gateway)

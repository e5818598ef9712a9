"""An event's scripts over a Ray dataset, on this machine: ``python docs/examples/tables_ray.py``."""

from __future__ import annotations

import ray

from alloy_lua import Alloy
from alloy_lua.bridges.ray import EvaluateTable, TaskCounts


def main() -> None:
    """Prices a thousand orders on two actors, and prints some of them and what each task did."""
    with Alloy() as alloy:
        alloy.scripts.create(
            "price", "entity.total = entity.qty * entity.price", on="order.before_create", status="active"
        )
        spec = alloy.table_spec("order.before_create")
    ray.init(num_cpus=4, include_dashboard=False)
    counts = TaskCounts()
    orders = ray.data.from_items([{"qty": n % 7, "price": 1.5, "total": 0.0} for n in range(1000)])
    priced = orders.map_batches(
        EvaluateTable, fn_constructor_args=(spec, counts), batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=2),
    ).materialize()  # fmt: skip
    print(priced.take(3))
    print(counts.all())


if __name__ == "__main__":
    main()

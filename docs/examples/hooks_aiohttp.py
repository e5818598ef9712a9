"""A web service in aiohttp: its hooks know who asks, and its rejections are answered as JSON."""

import asyncio

from aiohttp import ClientSession, web

from alloy_lua import Alloy
from alloy_lua.bridges.aiohttp import hook_context

ALLOY = web.AppKey("alloy", Alloy)


async def create_order(request: web.Request) -> web.Response:
    order = await request.json()
    outcome = await request.app[ALLOY].fire_async("order.before_create", order)
    return web.json_response(outcome.raise_for_status().entity)


def create_app(alloy: Alloy) -> web.Application:
    middleware = hook_context(
        alloy,
        user=lambda request: request.headers["X-User"],
        tenant=lambda request: request.headers.get("X-Tenant"),
    )
    app = web.Application(middlewares=[middleware])
    app[ALLOY] = alloy
    app.router.add_post("/orders", create_order)
    return app


async def serve(alloy: Alloy) -> None:
    runner = web.AppRunner(create_app(alloy))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/orders"
    headers = {"X-User": "ann", "X-Tenant": "acme", "X-Request-ID": "r-1"}
    async with ClientSession(headers=headers) as session:
        for order in ({"total": 5}, {"total": -5}):
            async with session.post(url, json=order) as answer:
                print(answer.status, await answer.json())
    await runner.cleanup()


def main() -> None:
    with Alloy() as alloy:
        alloy.scripts.create(
            "stamp", 'if entity.total < 0 then abort("too low", {field = "total"}) end\n'
            'entity.by = ctx.user .. " in " .. ctx.trace',
            on="order.before_create", status="active", tenant="acme",
        )  # fmt: skip
        asyncio.run(serve(alloy))


if __name__ == "__main__":
    main()

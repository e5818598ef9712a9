"""Mixed load with faults: ``python -m benchmarks.soak [--seconds N] [--database URL]``.

Fires, edits, runaway scripts, garbage, clients that vanish, and a database that fails now and then, for a while. At the
end every write that was accepted must be there, and memory, descriptors and tasks must be where they were.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp

from .hooks import EVENT, LUA, RECORD

FAULT_EVERY = 7.0
FAULT_SECONDS = 1.0
MAX_GROWTH_MB = 40


class Soak:
    """One soak: the service's process, what it accepted, and what went wrong."""

    def __init__(self, url: str, token: str, pid: int, database: str, seconds: float) -> None:
        self.headers = {"Authorization": f"Bearer {token}"}
        self.url = url
        self.pid = pid
        self.database = database
        self.until = time.monotonic() + seconds
        self.replies: Counter[str] = Counter()
        self.accepted: dict[str, str] = {}
        self.maybe: dict[str, set[str]] = {}
        self.wrong: list[str] = []

    @property
    def going(self) -> bool:
        return time.monotonic() < self.until

    async def call(self, session: aiohttp.ClientSession, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """Returns (status, JSON) of a call; (0, None) if the connection broke."""
        try:
            async with session.request(
                method, f"{self.url}/api/v1{path}", json=body, headers=self.headers, **more
            ) as r:
                self.replies[f"{method} {path.partition('?')[0].rpartition('/')[2][:12]} {r.status}"] += 1
                if r.status >= 500 and r.status != 503:
                    self.wrong.append(f"{method} {path}: {r.status} {await r.text()}")
                return r.status, await r.json() if r.content_type == "application/json" else None
        except (aiohttp.ClientError, TimeoutError, ConnectionError):
            return 0, None

    async def fires(self, session: aiohttp.ClientSession) -> None:
        while self.going:
            status, outcome = await self.call(session, "POST", "/fire", {"event": EVENT, "entity": RECORD})
            if status == 200 and outcome["status"] != "continue":
                self.wrong.append(f"fire: {outcome}")

    async def edits(self, session: aiohttp.ClientSession, name: str) -> None:
        await self.call(session, "POST", "/scripts", {"name": name, "source": "return 0"})
        for number in range(1_000_000):
            if not self.going:
                return
            text = f"return {number}"
            self.maybe.setdefault(name, set()).add(text)
            status, _ = await self.call(session, "PATCH", f"/scripts/{name}", {"source": text})
            if status == 200:
                self.accepted[name], self.maybe[name] = text, set()
            elif status == 404:
                await self.call(session, "POST", "/scripts", {"name": name, "source": "return 0"})
            await asyncio.sleep(0.02)

    async def runaways(self, session: aiohttp.ClientSession) -> None:
        while self.going:
            source = random.choice(("while true do end", "local s = 'x' while true do s = s .. s end", "error('no')"))
            await self.call(session, "POST", "/evaluate", {"source": source, "limits": "strict"})
            await asyncio.sleep(0.05)

    async def garbage(self) -> None:
        port = int(self.url.rpartition(":")[2])
        while self.going:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(random.choice((
                    random.randbytes(200), b"POST /api/v1/fire HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{",
                    b"GET /api/v1/tail HTTP/1.1\r\nHost: x\r\nAuthorization: " + self.headers["Authorization"].encode()
                    + b"\r\n\r\n",
                )))  # fmt: skip
                await asyncio.sleep(random.random() * 0.2)
                writer.transport.abort()
            await asyncio.sleep(0.05)

    async def faults(self) -> None:
        """Takes the database away now and then: a lock that lasts on SQLite, cut connections on PostgreSQL."""
        while self.going:
            await asyncio.sleep(FAULT_EVERY)
            if self.database.startswith("sqlite"):
                await asyncio.to_thread(_lock, self.database.removeprefix("sqlite:///"))
            elif self.database.startswith("postgresql"):
                await asyncio.to_thread(_cut, self.database)

    async def settled(self, session: aiohttp.ClientSession) -> dict[str, float]:
        """Returns memory, descriptors and tasks of the service when nothing is going on."""
        await asyncio.sleep(2.0)
        status = Path(f"/proc/{self.pid}/status").read_text()
        memory = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]
        async with session.get(f"{self.url}/metrics", headers=self.headers) as reply:
            tasks = float(re.search(r"^alloy_http_tasks (\S+)", await reply.text(), re.M)[1])  # type: ignore[index]
        return {"MB": memory, "descriptors": len(list(Path(f"/proc/{self.pid}/fd").iterdir())), "tasks": tasks}

    async def check_writes(self, session: aiohttp.ClientSession) -> None:
        for name, text in self.accepted.items():
            number = (await self.call(session, "GET", f"/scripts/{name}"))[1]["draft_revision"]
            found = (await self.call(session, "GET", f"/scripts/{name}/revisions/{number}"))[1]["source"]
            if found != text and found not in self.maybe[name]:
                self.wrong.append(f"script {name}: accepted {text!r}, found {found!r}")

    async def run(self) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=30)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            hook = {
                "name": "h1", "source": LUA, "status": "active", "triggers": [{"kind": "event", "event": EVENT}],
            }  # fmt: skip
            await self.call(session, "POST", "/scripts", hook)
            seconds = self.until - time.monotonic()
            self.until = time.monotonic() + max(8.0, seconds / 4)
            await self.load(session)  # fills caches, which are bounded by bytes, and pools
            before = await self.settled(session)
            self.until = time.monotonic() + seconds
            await self.load(session)
            after = await self.settled(session)
            await self.check_writes(session)
        if after["MB"] > before["MB"] + MAX_GROWTH_MB:
            self.wrong.append(f"memory grew from {before['MB']:.0f} to {after['MB']:.0f} MB")
        if after["descriptors"] > before["descriptors"] + 8 or after["tasks"] > before["tasks"] + 4:
            self.wrong.append(f"descriptors or tasks are left: {before}, {after}")
        return {"before": before, "after": after, "writes": len(self.accepted), "replies": dict(self.replies)}

    async def load(self, session: aiohttp.ClientSession) -> None:
        work = [self.fires(session) for _ in range(4)]
        work += [self.edits(session, f"edited-{number}") for number in range(3)]
        work += [self.runaways(session), self.runaways(session), self.garbage(), self.garbage(), self.faults()]
        await asyncio.gather(*work)


def _lock(path: str) -> None:
    with sqlite3.connect(path, timeout=10, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        time.sleep(FAULT_SECONDS)
        connection.execute("ROLLBACK")
    connection.close()


def _cut(url: str) -> None:
    import psycopg2

    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()


def main() -> int:
    """Returns 0 if nothing was lost and nothing leaked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument(
        "--database", help="an empty database of its own, whose connections are cut (default: a SQLite file)"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or f"sqlite:///{folder}/soak.db"
        command = [sys.executable, "-m", "alloy_lua.cli.main", "serve", "--port", "0", "--database", database]
        process = subprocess.Popen([*command, "--log-level", "error"], stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        token = process.stderr.readline().rpartition(": ")[2].strip()
        found = re.search(r"http://[\d.:]+", process.stderr.readline())
        assert found is not None

        async def whole() -> tuple[Soak, dict[str, Any]]:
            task = asyncio.create_task(asyncio.to_thread(process.stderr.read))  # a full pipe would stop the process
            soak = Soak(found[0], token, process.pid, database, given.seconds)
            told = await soak.run()
            process.terminate()
            await asyncio.to_thread(process.wait, 60)
            await task
            return soak, told

        soak, told = asyncio.run(whole())
    print(json.dumps(told, indent=1))
    for wrong in soak.wrong[:20]:
        print("WRONG", wrong[:500])
    if process.returncode != 0:
        print("WRONG exit code", process.returncode)
    return 1 if soak.wrong or process.returncode else 0


if __name__ == "__main__":
    raise SystemExit(main())

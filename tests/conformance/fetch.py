"""Gets packages from their registries by the registries' own clients, once, into ``.conformance``."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

from .packages import Package

FOLDER = Path(__file__).parents[2] / ".conformance"
LUA = (".lua", ".nse")


class FetchError(Exception):
    """A package could not be had, or is not the one that was pinned."""


def archive(package: Package) -> Path:
    """Returns the package's file, which is downloaded if it is not there yet.

    Raises:
        FetchError: Names the package and what its client said.
    """
    kept = (
        FOLDER
        / f"{package.name}-{package.version.replace(':', '_')}{'.deb' if package.registry == 'debian' else '.tgz'}"
    )
    if not kept.exists():
        fresh = FOLDER / "fresh" / package.name
        fresh.mkdir(parents=True, exist_ok=True)
        for old in fresh.iterdir():
            old.unlink()
        _download(package, fresh)
        files = list(fresh.iterdir())
        if len(files) != 1:
            raise FetchError(f"{package.name} {package.version}: got {len(files)} files, wanted 1")
        files[0].rename(kept)
    digest = hashlib.sha256(kept.read_bytes()).hexdigest()
    if digest != package.sha256:
        kept.unlink()
        raise FetchError(f"{package.name} {package.version}: got sha256 {digest}, wanted {package.sha256}")
    return kept


def lua_files(package: Package) -> Iterator[tuple[str, bytes]]:
    """Yields path and content of each Lua file of the package."""
    data = archive(package).read_bytes()
    if package.registry == "debian":
        data = _run(["dpkg-deb", "--fsys-tarfile", str(archive(package))], package, FOLDER)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(LUA):
                opened = tar.extractfile(member)
                assert opened is not None
                yield member.name.removeprefix("./"), opened.read()


def _download(package: Package, folder: Path) -> None:
    if package.registry == "npm":
        _run(["npm", "pack", "--silent", f"{package.name}@{package.version}"], package, folder)
        return
    options = _apt_options()
    if not any((FOLDER / "apt" / "lists").glob("*Packages*")):
        _run(["apt-get", *options, "update"], package, FOLDER)
    _run(["apt-get", *options, "download", f"{package.name}={package.version}"], package, folder)


def _apt_options() -> list[str]:
    # lists of our own: works for every user, and leaves the machine's as they are
    state = FOLDER / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    settings = (f"Dir::State::lists={state / 'lists'}", f"Dir::Cache={state / 'cache'}", "APT::Sandbox::User=root")
    return [part for setting in settings for part in ("-o", setting)]


def _run(command: list[str], package: Package, folder: Path) -> bytes:
    name = f"{package.name} {package.version}"
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FetchError(f"{name}: {command[0]} failed: {error}") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["nothing"]
        raise FetchError(f"{name}: {command[0]} failed with code {done.returncode}: {said[-1]}")
    return done.stdout

"""The admin service: everything the facade can do, over HTTP. Import this package to serve it; nothing else does."""

from __future__ import annotations

from .app import create_app
from .options import ApiOptions

__all__ = ["ApiOptions", "create_app"]

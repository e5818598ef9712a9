"""The settings of the shop."""

import os
from pathlib import Path

HERE = Path(__file__).parent.parent
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ.get("SHOP_DB", str(HERE / "shop.db"))}
}
INSTALLED_APPS = ["shop.apps.ShopConfig"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

"""The pages of the bridges: their programs run and say what they should, and show on the page what is in them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .pages import DOCS, blocks

EXAMPLES = DOCS / "examples"
SAID = {
    "hooks_peewee.py": """\
saved ann@example.com
rejected {'total': ['no']}
recorded ['lower-only', 'price rise of March', 'thank', 'tidy']
""",
    "hooks_sqlalchemy.py": """\
saved ann@example.com
rejected {'total': ['too low']}
saved cleo@example.com
""",
    "hooks_records.py": """\
Customer(name='Ann', tier='silver')
800.0
pydantic: Input should be less than or equal to 1000
attrs: {'name': ['a name, please']}
""",
    "hooks_functions.py": """\
saved ann@example.com
rejected the total is fixed total
logged ['thanks to ann@example.com']
""",
    "hooks_aiohttp.py": """\
200 {'total': 5, 'by': 'ann in r-1'}
422 {'error': {'code': 'rejected', 'message': 'too low', 'details': {'field': 'total'}, 'fields': {'total': ['too low']}}}
""",
}
FRAMEWORKS = ("peewee", "sqlalchemy", "django", "records", "functions", "aiohttp")


def run(*command: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *command], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", SAID)
def test_a_program_says_what_it_should(name: str) -> None:
    assert run(EXAMPLES / name) == SAID[name]


def test_the_django_project_runs_and_passes_its_own_tests(tmp_path: Path) -> None:
    manage, database = EXAMPLES / "hooks_django" / "manage.py", str(tmp_path / "shop.db")
    run(manage, "test", "shop", SHOP_DB=database)
    run(manage, "makemigrations", "--check", SHOP_DB=database)
    run(manage, "migrate", SHOP_DB=database)
    assert run(manage, "orders", SHOP_DB=database) == (
        "saved ann@example.com\nrejected {'total': ['too low']}\n1 order\n"
    )


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_page_shows_lines_of_its_program(name: str) -> None:
    program = EXAMPLES / f"hooks_{name}.py"
    files = [program] if program.exists() else sorted((EXAMPLES / f"hooks_{name}").rglob("*.py"))
    text = "\n".join(path.read_text() for path in files)
    shown = blocks(f"hooks-{name}.md", "python")
    assert shown
    for block in shown:
        assert block.text in text, str(block)

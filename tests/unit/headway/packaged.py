"""The workflow of docs/your-own-workflow.md, made a package as its last lines say."""

from __future__ import annotations

import re
import sysconfig
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "your-own-workflow.md"
FILES = re.compile(r"```\w+ title=(\S+)\n(.*?)```", re.DOTALL)
PACKAGE = "my_package"
TEXT = PAGE.read_text(encoding="utf-8")
TABLE = re.compile(r"```toml\n(\[project.entry-points.*?)```", re.DOTALL)


def install(site: Path, called: str = "order") -> None:
    """Write the package into a folder of packages, with beside it what an installer writes.

    `called` is what its orders are called, so that it can stand beside the page's own.
    """
    for name, text in FILES.findall(TEXT):
        if name.startswith("my-workflows/"):
            file = site / name.replace("my-workflows", PACKAGE).replace("order", called)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.replace("order", called), encoding="utf-8")
    (site / PACKAGE / "__init__.py").touch()
    (said,) = TABLE.findall(TEXT.replace("order", called))
    groups = tomllib.loads(said)["project"]["entry-points"]
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{name} = {module}" for name, module in points.items()))
    ]
    folder = site / f"{PACKAGE}-1.0.dist-info"
    folder.mkdir()
    (folder / "entry_points.txt").write_text("\n".join(lines))
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n")


def environment_with(folder: Path, called: str) -> Path:
    """An environment that has all that this one has, and the package; returns its commands' folder.

    Children of a copy see what is installed, and no PYTHONPATH.
    """
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    ours = sysconfig.get_path("purelib")
    (site / "house.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    install(site, called)
    commands = Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}))
    command = commands / "headway"
    command.write_text(f"#!{commands / 'python'}\nfrom headway.cli import app\n\napp()\n")
    command.chmod(0o755)
    return commands

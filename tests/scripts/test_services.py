"""The embedded servers: they come back from whatever happened to them, and harm nobody else."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
import redis

from scripts import processes, services
from scripts.accounts import ServiceError
from scripts.servers import Postgres
from scripts.services import Instance


@pytest.fixture(autouse=True)
def _no_real_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.delenv("REDIS_URL", raising=False)


@pytest.fixture
def projects() -> Iterator[Path]:
    """A directory that any account can reach, unlike tmp_path."""
    with tempfile.TemporaryDirectory(prefix="portal-test-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@pytest.fixture
def make_instance(projects: Path) -> Iterator[Callable[..., Instance]]:
    """Instances of projects in `projects`, removed at the end."""
    made = []

    def make(project: str = "project", *, durable: bool = False) -> Instance:
        (projects / project).mkdir(exist_ok=True)
        made.append(Instance("demo", root=projects / project, durable=durable))
        return made[-1]

    yield make
    for instance in made:
        instance.remove()


def query(instance: Instance, sql: str) -> object:
    connection = psycopg2.connect(instance.database_url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(sql)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    finally:
        connection.close()


def ping(instance: Instance) -> bool:
    with redis.from_url(instance.redis_url) as client:
        return bool(client.ping())


def postgres(instance: Instance) -> Postgres:
    return next(server for server in instance.servers if isinstance(server, Postgres))


def postmaster(instance: Instance) -> int:
    return int((postgres(instance).data / "postmaster.pid").read_text().splitlines()[0])


def kill(pid: int) -> None:
    """kill -9, returning when the process is gone."""
    handle = os.pidfd_open(pid)
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    os.close(handle)
    assert processes.wait_until(lambda: not Path(f"/proc/{pid}/cwd").exists(), seconds=10)


def test_starting_twice_is_starting_once_and_data_outlives_a_stop(make_instance):
    instance = make_instance()
    instance.start()
    first = postmaster(instance)
    query(instance, "CREATE TABLE kept AS SELECT 42 AS answer")
    instance.start()
    assert postmaster(instance) == first
    assert instance.status() == {"PostgreSQL": True, "Valkey": True}
    assert ping(instance)

    instance.stop()
    assert instance.status() == {"PostgreSQL": False, "Valkey": False}
    instance.stop()

    instance.start()
    assert query(instance, "SELECT answer FROM kept") == 42


def test_removal_takes_the_logs_of_earlier_starts_along(make_instance):
    """They tell which pages of it were opened, and what was done to it."""
    instance = make_instance()
    instance.start()
    for name in ("demo-stack.log", "demo-stack.log.1"):
        (instance.log / name).write_text("earlier")

    instance.remove()

    assert not list(instance.log.iterdir())


def test_servers_come_back_after_kill_9(make_instance):
    instance = make_instance(durable=True)
    instance.start()
    query(instance, "CREATE TABLE kept AS SELECT 42 AS answer")
    kill(postmaster(instance))
    [valkey] = processes.working_in(name="valkey-server", directory=instance.home)
    kill(valkey)

    instance.start()

    assert query(instance, "SELECT answer FROM kept") == 42
    assert ping(instance)


def test_a_recycled_process_id_neither_blocks_the_start_nor_is_killed(make_instance):
    """After a reboot the id in postmaster.pid may be that of any other program."""
    instance = make_instance()
    instance.start()
    pid_file = postgres(instance).data / "postmaster.pid"
    stale = pid_file.read_text().splitlines()
    kill(postmaster(instance))
    with subprocess.Popen(["sleep", "600"], **instance.account.process_options()) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *stale[1:]]) + "\n")
        lock = instance.sockets / ".s.PGSQL.5432.lock"
        lock.write_text(pid_file.read_text())

        instance.stop()
        assert stranger.poll() is None
        instance.start()
        assert query(instance, "SELECT 1") == 1
        instance.stop()
        assert stranger.poll() is None
        stranger.kill()


def test_a_vanished_socket_directory_is_made_anew(make_instance):
    """As after a reboot, or when something cleans up temporary files under a running server."""
    instance = make_instance()
    instance.start()
    shutil.rmtree(instance.sockets)

    instance.start()

    assert query(instance, "SELECT 1") == 1
    assert ping(instance)
    assert len(processes.working_in(name="valkey-server", directory=instance.home)) == 1


def test_two_clones_on_one_machine_do_not_meet(make_instance):
    one, two = make_instance("one"), make_instance("two")
    one.start()
    two.start()
    query(one, "CREATE TABLE mine AS SELECT 'one' AS name")
    query(two, "CREATE TABLE mine AS SELECT 'two' AS name")
    one.stop()
    assert two.status() == {"PostgreSQL": True, "Valkey": True}
    assert query(two, "SELECT name FROM mine") == "two"


def test_a_project_deep_down_still_gets_sockets_that_the_kernel_accepts(make_instance):
    instance = make_instance("深" * 30 + " with 'quotes' " + "x" * 60)
    instance.start()
    assert query(instance, "SELECT 1") == 1
    assert ping(instance)


def test_a_private_directory_that_somebody_else_made_is_refused(make_instance, tmp_path):
    """In a shared temporary directory it may be an attempt to listen in."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "trap").symlink_to(tmp_path / "theirs")
    with pytest.raises(ServiceError, match="somebody else"):
        make_instance().account.own_directory(tmp_path / "trap")


def test_root_may_keep_the_project_where_no_other_account_can_go(make_instance, projects):
    projects.chmod(0o700)
    instance = make_instance()
    instance.start()
    assert query(instance, "SELECT 1") == 1
    assert ping(instance)
    instance.remove()
    assert not instance.home.exists()


def test_servers_named_in_the_environment_or_env_file_are_used_and_nothing_starts(
    make_instance, projects, monkeypatch
):
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    (projects / "project").mkdir()
    (projects / "project" / ".env").write_text("# comment\nexport REDIS_URL='redis://there/1'\n")
    instance = make_instance()
    assert instance.servers == []
    assert instance.environment() == {
        "DATABASE_URL": "postgres://somewhere/else",
        "REDIS_URL": "redis://there/1",
    }


def test_data_of_another_major_version_is_refused_with_advice(make_instance):
    instance = make_instance()
    instance.start()
    instance.stop()
    (postgres(instance).data / "PG_VERSION").write_text("12\n")
    with pytest.raises(ServiceError, match="made by PostgreSQL 12"):
        instance.start()


SESSION = """
import os, signal, sys
from pathlib import Path
from scripts.services import start_for_tests
print(start_for_tests(root=Path(sys.argv[1])).database_url, flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_test_sessions_servers_go_with_it_and_a_killed_ones_with_the_next(projects):
    project = projects / "project"
    project.mkdir()

    def session(end: str) -> str:
        command = [sys.executable, "-c", SESSION, str(project), end]
        done = subprocess.run(
            command, cwd=services.PROJECT, capture_output=True, text=True, check=False
        )
        return done.stdout.strip()

    orphaned = session("killed")
    connection = psycopg2.connect(orphaned)  # its servers still run
    connection.close()
    session("ends")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(orphaned)
    assert [path.name for path in (project / ".local").glob("test-*")] == []

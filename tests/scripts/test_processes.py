"""Processes are recognised by mark or working directory, ports by whose process listens."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from scripts import ports, processes, respawn

MARK = f"PORTAL_TEST_MARK={os.getpid()}"


@pytest.fixture
def sleeper():
    """A process in a session of its own that carries the mark."""
    name, _, value = MARK.partition("=")
    environment = {**os.environ, name: value}
    with subprocess.Popen(["sleep", "600"], env=environment, start_new_session=True) as process:
        yield process
        process.kill()


def test_a_marked_process_is_found_in_whatever_session_and_ended(sleeper):
    assert processes.carrying(MARK) == [sleeper.pid]
    processes.send(signal.SIGTERM, processes.carrying(MARK), mark=MARK)
    assert sleeper.wait(10) == -signal.SIGTERM
    assert processes.carrying(MARK) == []


def test_a_process_carries_its_mark_from_the_first_moment():
    """The kernel shows no environment while it loads a program: that moment is waited out."""
    name, _, value = MARK.partition("=")
    for _ in range(100):
        with subprocess.Popen(["sleep", "600"], env={**os.environ, name: value}) as process:
            seen = processes.carries(process.pid, MARK)
            process.kill()
        assert seen


def test_a_process_without_any_environment_carries_nothing():
    with subprocess.Popen(["sleep", "600"], env={}) as process:
        assert not processes.carries(process.pid, MARK)
        process.kill()


def test_a_process_without_the_mark_is_spared(sleeper):
    processes.send(signal.SIGKILL, [sleeper.pid], mark="PORTAL_TEST_MARK=another")
    processes.end(sleeper.pid, ours=lambda pid: False, first=signal.SIGKILL)
    assert sleeper.poll() is None


def test_a_process_that_ignores_the_first_signal_is_killed():
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); print(1, flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        processes.end(process.pid, ours=lambda pid: True, first=signal.SIGTERM, patience=0.1)
        assert process.wait(10) == -signal.SIGKILL


def test_a_taken_port_gives_way_to_the_next_free_one_and_none_is_given_twice():
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        chosen = ports.choose({"web": taken, "mail": taken})
        assert taken < chosen["web"] < chosen["mail"]
        assert taken in ports.listened_by([os.getpid()])
    assert taken not in ports.listened_by([os.getpid()])


def run_respawn(module: str, folder) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": f"{folder}:{ports.__file__.rsplit('/', 2)[0]}"}
    command = [sys.executable, "-m", "scripts.respawn", module]
    return subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE)


def test_what_dies_is_started_again_until_asked_to_stop(tmp_path):
    (tmp_path / "victim.py").write_text(
        "import os, signal\nprint('pid', os.getpid(), flush=True)\nsignal.pause()\n"
    )
    with run_respawn("victim", tmp_path) as process:
        assert process.stdout is not None
        first = int(process.stdout.readline().split()[1])
        os.kill(first, signal.SIGKILL)
        assert b"starting it again" in process.stdout.readline()
        second = int(process.stdout.readline().split()[1])
        assert second != first
        process.terminate()
        process.wait(10)
        assert not processes.PROC.joinpath(str(second), "cwd").exists()


def test_what_keeps_dying_young_is_given_up(tmp_path):
    (tmp_path / "hopeless.py").write_text("raise SystemExit(7)\n")
    with run_respawn("hopeless", tmp_path) as process:
        output, _ = process.communicate(timeout=30)
    assert output.count(b"starting it again") == respawn.CHANCES - 1
    assert process.returncode == 7

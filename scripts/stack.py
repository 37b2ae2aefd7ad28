"""The whole portal on one machine: python -m scripts.stack start|stop|reset|manage.

scripts/run, stop, reset and manage lead here. This is the one place that decides ports and where
the simulators keep their keys; everything reaches the processes of the Procfile through the
environment.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from scripts import ports, processes
from scripts.accounts import ServiceError
from scripts.prepare import SIGN_INS
from scripts.services import PROJECT, Instance, setting

DEFAULT_PORTS = {
    "WEB_PORT": 8000,
    "SIM_WECHATPAY_PORT": 9101,
    "SIM_SMS_PORT": 9102,
    "SIM_MAILBOX_PORT": 9103,
    "SIM_ALIPAY_PORT": 9104,
    "SIM_SMTP_PORT": 8025,
}
SMS_REPORT_TOKEN = "demo-token-of-the-text-message-reports"
START_SECONDS = 180.0
# honcho gives its processes 5 s; a task that was at work gets a little more.
STOP_SECONDS = 15.0


class Stack:
    """Web, worker, beat and simulators, on one instance of the embedded servers."""

    def __init__(
        self, instance: Instance, *, isolated: bool = False, extra: dict[str, str] | None = None
    ) -> None:
        """Nothing is started yet.

        Args:
            instance: the servers to use.
            isolated: for tests: any free ports, no demo data, and none of the caller's settings.
            extra: variables for every process.
        """
        self.instance = instance
        self.isolated = isolated
        self.extra = extra or {}
        self.home = instance.programs_home
        self.log = instance.log / f"{instance.name}-stack.log"
        self.mark = instance.mark

    # --- What the processes are told ---------------------------------------------------------

    def _wish(self, name: str, default: str) -> str:
        """What the caller has set, which stays as it is."""
        return default if self.isolated else setting(name) or default

    def ports(self) -> dict[str, int]:
        """The ports of the last start; the defaults, or what the environment says, before it."""
        try:
            saved = json.loads((self.home / "ports.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            saved = ports.any_free(DEFAULT_PORTS) if self.isolated else {}
        return {
            name: int(self._wish(name, saved.get(name, default)))
            for name, default in DEFAULT_PORTS.items()
        }

    def address(self, name: str) -> str:
        """The address of what listens on the port called `name`, without a slash at the end."""
        return f"http://127.0.0.1:{self.ports()[name]}"

    def environment(self, numbers: dict[str, int]) -> dict[str, str]:
        """The environment of every process of the stack."""
        site = f"http://127.0.0.1:{numbers['WEB_PORT']}"
        values = {
            "SITE_URL": site,
            "EMAIL_URL": f"smtp://127.0.0.1:{numbers['SIM_SMTP_PORT']}",
            "SIM_HOME": str(self.home / "simulators"),
            "SIM_SMS_REPORT_URL": f"{site}/callbacks/sms/{SMS_REPORT_TOKEN}/",
            "SMS_REPORT_TOKEN": SMS_REPORT_TOKEN,
            "MEDIA_ROOT": str(self.home / "media"),
            "PYTHONUNBUFFERED": "1",
        }
        values = {name: self._wish(name, value) for name, value in values.items()}
        values |= self.instance.environment()
        values |= {name: str(number) for name, number in numbers.items()}
        # honcho runs the Procfile through a shell: its `python` has to be this one.
        values["PATH"] = f"{os.path.dirname(sys.executable)}:{os.environ.get('PATH', os.defpath)}"
        values["STACK_HOME"] = str(self.home)
        values["DJANGO_SETTINGS_MODULE"] = "config.settings"
        values |= dict([self.mark.split("=", 1)]) | self.extra
        for simulator, account in (
            ("wechatpay", "merchant"),
            ("alipay", "merchant"),
            ("aliyun_sms", "account"),
        ):
            command = [sys.executable, "-m", f"simulators.{simulator}", "--env"]
            subprocess.run(
                command, cwd=PROJECT, env=os.environ | values, check=True, stdout=subprocess.DEVNULL
            )
            file = Path(values["SIM_HOME"], simulator, f"{account}.json")
            keys = json.loads(file.read_text(encoding="utf-8"))
            values |= {name: self._wish(name, value) for name, value in keys.items()}
        return values

    # --- Start and stop ----------------------------------------------------------------------

    def start(self) -> bool:
        """Start everything and wait until it answers; False if it was up already.

        Raises ServiceError, with the end of the log, when it does not come up.
        """
        self.instance.start()
        if self.answers(self.ports()):
            return False
        self.stop_processes()
        self.home.mkdir(exist_ok=True)
        self._prepare(self._choose_ports())
        with ports.one_at_a_time():
            numbers = self._choose_ports()  # again: preparing takes long enough to lose one
            if not self._launch(numbers):
                self.stop_processes()
                end = self.log.read_text(errors="replace")[-3000:]
                raise ServiceError(f"The portal does not come up; {self.log} ends with:\n{end}")
        return True

    def _choose_ports(self) -> dict[str, int]:
        numbers = ports.choose(self.ports())
        (self.home / "ports.json").write_text(json.dumps(numbers))
        return numbers

    def _prepare(self, numbers: dict[str, int]) -> None:
        command = [sys.executable, "-m", "scripts.prepare", *([] if self.isolated else ["--seed"])]
        environment = os.environ | self.environment(numbers)
        if subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode:
            raise ServiceError("The preparation failed.")

    def _launch(self, numbers: dict[str, int]) -> bool:
        """Start the processes; whether they came to answer."""
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        environment = os.environ | self.environment(numbers)
        command = [sys.executable, "-m", "honcho", "--no-colour", "--env", os.devnull, "start"]
        with self.log.open("wb") as output:
            honcho = processes.detached(command, output, cwd=PROJECT, env=environment)
        processes.wait_until(
            lambda: self.answers(numbers) or honcho.poll() is not None,
            seconds=START_SECONDS,
            every=0.2,
        )
        return self.answers(numbers)

    def answers(self, numbers: dict[str, int]) -> bool:
        """Whether our own processes, under one honcho, serve all ports and a page."""
        pids = processes.carrying(self.mark)
        served = ports.listened_by(pids)
        if len(processes.topmost(pids)) != 1 or not set(numbers.values()) <= served:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", numbers["WEB_PORT"], timeout=10)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status < 500
        except OSError:
            return False
        finally:
            connection.close()

    def stop_processes(self) -> None:
        """End honcho and whatever it left behind: its children sit in sessions of their own."""
        for number, whom in ((signal.SIGTERM, processes.topmost), (signal.SIGTERM, list)):
            processes.send(number, whom(processes.carrying(self.mark)), mark=self.mark)
            if processes.wait_until(self._gone, seconds=STOP_SECONDS, every=0.1):
                return

        processes.kill(self.mark)

    def _gone(self) -> bool:
        processes.reap()
        return not processes.carrying(self.mark)

    def stop(self) -> None:
        """Stop everything; the data stays."""
        self.stop_processes()
        self.instance.stop()

    def reset(self) -> None:
        """Stop everything and delete the data that is ours: never a named server's."""
        self.stop_processes()
        if self.instance.embeds_database or self.isolated:
            self.instance.remove()
        else:
            shutil.rmtree(self.home, ignore_errors=True)

    def manage(self, arguments: list[str]) -> NoReturn:
        """Become manage.py with `arguments`, where the caller was, on this stack's servers."""
        self.instance.start()
        self.home.mkdir(exist_ok=True)
        environment = os.environ | self.environment(self.ports())
        # It is the caller's process: no part of the stack that scripts/stop should end.
        del environment[self.mark.partition("=")[0]]
        os.chdir(os.environ.get("CALLED_FROM", PROJECT))
        command = [sys.executable, str(PROJECT / "manage.py"), *arguments]
        os.execve(sys.executable, command, environment)

    def describe(self) -> str:
        """Where everything is, for the person who started it."""
        try:
            sign_ins = (self.home / SIGN_INS).read_text(encoding="utf-8")
        except FileNotFoundError:
            sign_ins = ""
        return (
            f"The portal is at {self._wish('SITE_URL', self.address('WEB_PORT'))}/\n"
            f"  text messages, with the sign-in codes, arrive at {self.address('SIM_SMS_PORT')}/\n"
            f"  mail arrives at {self.address('SIM_MAILBOX_PORT')}/\n"
            f"  WeChat Pay's payer sits at {self.address('SIM_WECHATPAY_PORT')}/\n"
            f"  Alipay's payer sits at {self.address('SIM_ALIPAY_PORT')}/\n"
            f"  logs are in {self.log.parent}; scripts/stop stops everything\n"
            f"Sign in as:\n{sign_ins}"
        )


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 done, 1 could not."""
    parser = argparse.ArgumentParser(prog="python -m scripts.stack", description=__doc__)
    parser.add_argument("action", choices=["start", "stop", "reset", "manage"])
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="manage: arguments of manage.py")
    options = parser.parse_args(arguments)
    action = options.action
    try:
        stack = Stack(Instance())
        if action == "start":
            print("Started." if stack.start() else "Already running.")
            print(stack.describe(), end="")
        elif action == "stop":
            stack.stop()
            print("Stopped.")
        elif action == "manage":
            stack.manage(options.rest)
        else:
            stack.reset()
            print("Stopped, and the demo's data deleted.")
            if not stack.instance.embeds_database:
                print("The database that DATABASE_URL names was left alone.")
    except (ServiceError, TimeoutError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Starts Wardroom the way a script would: by its contract, with a story instead of a model."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
BINARY = os.environ.get("WARDROOM_BIN", str(REPOSITORY / "target/debug/wardroom"))

READY_WITHIN_S = 30
STOPPED_WITHIN_S = 30

CONFIGURATION = """
[models.rehearsal]
provider = "scripted"
script = "{script}"

[routing]
coordinator = ["rehearsal"]
executor = ["rehearsal"]
"""


class Wardroom:
    """A running server with a data directory of its own."""

    def __init__(self, folder: Path, script: Path = HERE / "story.yaml", more: str = ""):
        self.data = folder / "data"
        self.config = folder / "wardroom.toml"
        self.log = folder / "log"
        self.config.write_text(CONFIGURATION.format(script=script) + more)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [BINARY, "up", "--listen", "127.0.0.1:0", "--ready-json", *self.place()],
                stdout=subprocess.PIPE,
                stderr=log,
            )
        self.url = self._ready()["url"]
        self.token = self.run("token", "create", "--user", "owner").strip()

    def place(self) -> list[str]:
        return ["--data", str(self.data), "--config", str(self.config)]

    def run(self, *arguments: str) -> str:
        """What a verb prints on standard output; it must end well."""
        done = subprocess.run(
            [BINARY, *arguments, *self.place()], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"wardroom {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def logged(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(STOPPED_WITHIN_S)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def _ready(self) -> dict:
        """The first line on standard output, once the server listens."""
        watchdog = subprocess.Popen(
            ["sh", "-c", f"sleep {READY_WITHIN_S}; kill {self.process.pid}"],
            start_new_session=True,
        )
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.kill()
        assert line, f"the server ended before it was ready:\n{self.logged()[-4000:]}"
        ready = json.loads(line)
        assert ready["ready"] is True and ready["pid"] == self.process.pid
        return ready


def started():
    with tempfile.TemporaryDirectory(prefix="wardroom-") as folder:
        server = Wardroom(Path(folder))
        yield server
        code = server.stop()
        assert code == 0, f"the server stopped with {code}:\n{server.logged()[-4000:]}"


@pytest.fixture(scope="session")
def wardroom():
    """A server that tests share."""
    yield from started()


@pytest.fixture
def fresh_wardroom():
    """A server that one test may ill-treat."""
    yield from started()


def pytest_runtest_logreport(report):
    """Tells the test command what was skipped, as every test does."""
    notes = os.environ.get("WARDROOM_SKIPS")
    if report.skipped and notes:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        with open(notes, "a", encoding="utf-8") as file:
            file.write(f"{report.nodeid}\t{reason.splitlines()[0]}\n")

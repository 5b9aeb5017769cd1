"""The official MCP SDK as servers of a Wardroom: over standard streams, in the sandbox and on the
leash, and over streamable HTTP."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx2 as httpx
import pytest
from conftest import HERE, Wardroom

SERVER = HERE / "mcp_notes.py"
ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "TIMED_OUT"}
PATIENCE_S = 120
TIERS = 'tiers = { read_note = "L0_READONLY", surroundings = "L0_READONLY", slowly = "L0_READONLY", picture = "L0_READONLY" }'


# Places inside a sandbox that are its own: what lies there on the host cannot be shown.
RESERVED = ("/tmp/", "/var/tmp/", "/workspace/", "/home/agent/")


@pytest.fixture(scope="module")
def boxed():
    """The lines that run the server in the sandbox, with what Python needs of this machine."""
    prefix, server, copy = sys.prefix, SERVER, None
    if f"{prefix}/".startswith(RESERVED) or str(HERE).startswith(RESERVED):
        copy = tempfile.mkdtemp(dir=Path.home(), prefix=".wardroom-test-")
        prefix = shutil.copytree(sys.prefix, f"{copy}/python", symlinks=True)
        os.mkdir(f"{copy}/server")
        server = shutil.copy(SERVER, f"{copy}/server")
    folders = {str(prefix), sys.base_prefix, str(Path(server).parent)}
    shown = sorted(folder for folder in folders if not folder.startswith("/usr"))
    run = [f"{prefix}/bin/python", str(server)]
    yield f"command = {json.dumps(run)}\nshow = {json.dumps(shown)}\n{TIERS}\n"
    if copy:
        shutil.rmtree(copy)


class Story:
    """A Wardroom whose model makes these calls, one after the other, and says the last answer."""

    def __init__(self, folder: Path, calls: list, server: str):
        steps = [{"call": [{"tool": tool, "arguments": arguments}]} for tool, arguments in calls]
        steps.append({"say": "{{last_tool_result}}"})
        script = folder / "story.json"
        script.write_text(json.dumps({"rules": [{"when": "go", "steps": steps}]}))
        self.wardroom = Wardroom(folder, script, server)
        headers = {"Authorization": f"Bearer {self.wardroom.token}"}
        self.http = httpx.Client(base_url=self.wardroom.url, headers=headers, timeout=30)

    def get(self, path: str, **query) -> dict:
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def goes(self) -> str:
        return self.http.post("/v1/tasks", json={"text": "go"}).json()["task"]["id"]

    def ends(self, task: str, approve: bool = False) -> dict:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            seen = self.get(f"/v1/tasks/{task}")["task"]
            if seen["status"] in ENDED:
                return seen
            if seen["status"] == "WAITING_APPROVAL" and approve:
                self.approves(task)
            time.sleep(0.1)
        raise AssertionError(f"{task} does not end:\n{self.wardroom.logged()[-4000:]}")

    def approves(self, task: str):
        for question in self.get("/v1/approvals", waiting="true", task=task)["approvals"]:
            self.http.post(f"/v1/approvals/{question['id']}/decision", json={"decision": "APPROVE"})

    def stop(self):
        self.http.close()
        assert self.wardroom.stop() == 0


@pytest.fixture
def story(tmp_path):
    told = []

    def tell(calls, server):
        told.append(Story(tmp_path, calls, server))
        return told[0]

    yield tell
    for one in told:
        one.stop()


def result(task: dict) -> str:
    assert task["status"] == "SUCCEEDED", task
    return task["result"]


def test_a_program_in_the_sandbox(story, boxed):
    server = f"[mcp.notes]\n{boxed}"
    calls = [("notes__read_note", {"name": "first"}), ("notes__surroundings", {})]
    one = story(calls, server)
    said = result(one.ends(one.goes()))
    assert '"writes": false' in said, one.wardroom.logged()[-2000:]
    assert '"workspace": []' in said and "WARDROOM" not in said, said
    tools = {tool["tool"]: tool for tool in one.get("/v1/mcp")["servers"][0]["tools"]}
    assert tools["read_note"]["standing"] == "accepted" and tools["read_note"]["is_vouched"]
    assert tools["add_note"]["tier"] == "L2_DESTRUCTIVE"


def test_what_a_program_keeps_lasts_while_its_task_waits_and_no_longer(story, boxed):
    calls = [
        ("notes__add_note", {"name": "second", "text": "mend the sail"}),
        ("notes__read_note", {"name": "second"}),
    ]
    server = f"[mcp.notes]\n{boxed}"
    one = story(calls, server)
    assert "mend the sail" in result(one.ends(one.goes(), approve=True))


def running(marker: str) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            count += words[:2] == [b"sleep", marker.encode()]
    return count


def awaits_none(marker: str):
    until = time.monotonic() + PATIENCE_S
    while running(marker):
        assert time.monotonic() < until, "a child outlives its task"
        time.sleep(0.1)


def leashed(marker: str) -> str:
    env = f'env = {{ NOTES_MARKER = "{marker}", PATH = "/usr/bin:/bin" }}'
    command = json.dumps([sys.executable, str(SERVER)])
    return f"[mcp.notes]\ncommand = {command}\nsandboxed = false\n{env}\n{TIERS}\n"


def test_a_program_on_the_leash_has_an_empty_environment_and_ends_with_its_task(story):
    marker = f"700.{os.getpid()}1"
    one = story([("notes__surroundings", {})], leashed(marker))
    said = result(one.ends(one.goes()))
    assert '"NOTES_MARKER"' in said and '"HOME"' not in said, said
    awaits_none(marker)


def test_a_program_on_the_leash_ends_with_a_killed_server(tmp_path):
    marker = f"700.{os.getpid()}2"
    calls = [("notes__surroundings", {}), ("notes__add_note", {"name": "a", "text": "b"})]
    one = Story(tmp_path, calls, leashed(marker))
    task = one.goes()
    until = time.monotonic() + PATIENCE_S
    while one.get(f"/v1/tasks/{task}")["task"]["status"] != "WAITING_APPROVAL":
        assert time.monotonic() < until
        time.sleep(0.1)
    assert running(marker) == 1, "its program waits with the task"
    one.http.close()
    one.wardroom.process.kill()
    one.wardroom.process.wait()
    one.wardroom.process.stdout.close()
    awaits_none(marker)


def test_an_address_over_streamable_http(story):
    process = subprocess.Popen(
        [sys.executable, str(SERVER), "--http"], stdout=subprocess.PIPE, text=True
    )
    try:
        port = process.stdout.readline().strip()
        server = f'[mcp.notes]\nurl = "http://127.0.0.1:{port}/mcp"\n{TIERS}\n'
        calls = [
            ("notes__slowly", {}),
            ("notes__add_note", {"name": "third", "text": "paint the hull"}),
            ("notes__picture", {}),
            ("notes__read_note", {"name": "third"}),
        ]
        one = story(calls, server)
        task = one.goes()
        assert "paint the hull" in result(one.ends(task, approve=True))
        events = one.http.get("/v1/audit-events", params={"task": task, "limit": 500}).json()["events"]
        kinds = [event["kind"] for event in events]
        assert kinds.count("approval.asked") == 1 and kinds.count("effect.settled") == 4, kinds
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()

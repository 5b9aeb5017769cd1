"""A Wardroom as a company has it, started by its contract: the preset of every profile but the
laptop's, one admin per slot, MCP servers with what the org vouches for."""

import asyncio
import json
import os
import subprocess
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).parent.parent.parent
BINARY = os.environ.get("WARDROOM_BIN", str(REPOSITORY / "target/debug/wardroom"))
ENDED = {"SUCCEEDED", "FAILED", "CANCELED", "TIMED_OUT"}


def configuration(model_port: int, servers: dict[str, tuple[str, dict, dict]], ttl_s: int) -> str:
    lines = [
        'profile = "agenticai"',
        "[policy]",
        f"approval_ttl_s = {ttl_s}",
        "[models.default]",
        # The dialect of OpenAI, with the person who asks named in every request.
        'provider = "openrouter"',
        f'base_url = "http://127.0.0.1:{model_port}/v1"',
        'model = "replay"',
        "[routing]",
        'coordinator = ["default"]',
        'executor = ["default"]',
    ]
    for name, (url, tiers, org_data) in servers.items():
        lines += [f"[mcp.{name}]", f'url = "{url}"', f"[mcp.{name}.tiers]"]
        lines += [f'{tool} = "{tier}"' for tool, tier in tiers.items()]
        lines += [f"[mcp.{name}.org_data]"]
        lines += [f"{tool} = {json.dumps(paths)}" for tool, paths in org_data.items()]
    return "\n".join(lines) + "\n"


class Person:
    def __init__(self, url: str, token: str):
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.AsyncClient(base_url=url, headers=headers, timeout=60, trust_env=False)

    async def get(self, path: str, **query):
        answer = await self.http.get(path, params=query)
        answer.raise_for_status()
        return answer.json()

    async def post(self, path: str, body: dict):
        return await self.http.post(path, json=body)

    async def asks(self, text: str) -> str:
        answer = await self.post("/v1/tasks", {"text": text})
        answer.raise_for_status()
        return answer.json()["task"]["id"]


class Wardroom:
    def __init__(self, folder: Path, config: str):
        self.folder, self.data = folder, folder / "data"
        self.file = folder / "wardroom.toml"
        self.file.write_text(config)

    def place(self) -> list[str]:
        return ["--data", str(self.data), "--config", str(self.file)]

    def run(self, *arguments: str) -> str:
        done = subprocess.run([BINARY, *arguments, *self.place()], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"wardroom {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip()

    async def start(self):
        self.log = (self.folder / "log").open("wb")
        self.process = await asyncio.create_subprocess_exec(
            BINARY, "up", "--listen", "127.0.0.1:0", "--ready-json", *self.place(),
            stdout=asyncio.subprocess.PIPE, stderr=self.log,
        )
        line = await self.process.stdout.readline()
        if not line:
            raise SystemExit((self.folder / "log").read_text()[-4000:])
        self.url = json.loads(line)["url"]

    async def person(self, name: str, role: str) -> Person:
        await asyncio.to_thread(self.run, "user", "add", name, "--role", role)
        token = await asyncio.to_thread(self.run, "token", "create", "--user", name)
        return Person(self.url, token)

    async def stop(self):
        self.process.terminate()
        await self.process.wait()
        self.log.close()

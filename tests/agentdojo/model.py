"""A model in the OpenAI dialect that replays calls: those of the user task, and, if it is a
compromised one, then those of the injected task. It obeys and goes on whatever it hears. What it
would do at once it says in one turn, as models do: looks together, changes together."""

import asyncio
import json
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


def function(call: tuple[str, dict]) -> dict:
    name, arguments = call
    return {"name": name, "arguments": json.dumps(arguments, default=str)}


class Replay:
    def __init__(self):
        # By the person who asked: the turns with their calls, and the words at the end.
        self.scripts: dict[str, tuple[list[list[tuple[str, dict]]], str]] = {}

    def says(self, person: str, turns: list[list[tuple[str, dict]]], answer: str):
        self.scripts[person] = (turns, answer)

    async def complete(self, request):
        asked = await request.json()
        turns, answer = self.scripts.get(asked.get("user"), ([], "done"))
        turn = sum(message["role"] == "assistant" for message in asked["messages"])
        message = {"role": "assistant", "content": None}
        if turn < len(turns):
            message["tool_calls"] = [
                {"id": f"call_{turn}_{number}", "type": "function", "function": function(call)}
                for number, call in enumerate(turns[turn])
            ]
        else:
            message["content"] = answer
        reason = "tool_calls" if turn < len(turns) else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        body = {"id": "chatcmpl-1", "object": "chat.completion", "created": int(time.time())}
        return JSONResponse({**body, "model": "replay", "choices": [choice], "usage": usage})

    async def start(self):
        app = Starlette(routes=[Route("/v1/chat/completions", self.complete, methods=["POST"])])
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False)
        self.server = uvicorn.Server(config)
        self.task = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.sleep(0.05)
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    async def stop(self):
        self.server.should_exit = True
        await self.task

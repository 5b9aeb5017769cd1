"""A model in the OpenAI dialect that replays calls: those of the user task, and, if it is a
compromised one, then those of the injected task. It obeys and goes on whatever it hears."""

import asyncio
import json
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


class Replay:
    def __init__(self):
        # By the person who asked: the calls, and the words at the end.
        self.scripts: dict[str, tuple[list[tuple[str, dict]], str]] = {}

    def says(self, person: str, calls: list[tuple[str, dict]], answer: str):
        self.scripts[person] = (calls, answer)

    async def complete(self, request):
        asked = await request.json()
        calls, answer = self.scripts.get(asked.get("user"), ([], "done"))
        turn = sum(message["role"] == "assistant" for message in asked["messages"])
        message = {"role": "assistant", "content": None}
        if turn < len(calls):
            name, arguments = calls[turn]
            function = {"name": name, "arguments": json.dumps(arguments, default=str)}
            message["tool_calls"] = [
                {"id": f"call_{turn}", "type": "function", "function": function}
            ]
        else:
            message["content"] = answer
        reason = "tool_calls" if turn < len(calls) else "stop"
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

"""An MCP server by the official SDK: `mcp_notes.py` over its standard streams, `mcp_notes.py --http`
behind an address, which it prints. It keeps notes in memory, and tells where it lives."""

import os
import subprocess
import sys

from mcp.server.fastmcp import Context, FastMCP

server = FastMCP("notes", host="127.0.0.1", port=0, log_level="ERROR")
notes = {"first": "buy rope"}

# Found again by the tests: it must not outlive the task.
if marker := os.environ.get("NOTES_MARKER"):
    subprocess.Popen(["sleep", marker])


@server.tool()
def read_note(name: str) -> str:
    """Reads a note."""
    return notes.get(name, f"there is no note {name}")


@server.tool()
def add_note(name: str, text: str) -> dict:
    """Adds a note."""
    notes[name] = text
    return {"notes": sorted(notes)}


@server.tool()
def surroundings() -> dict:
    """Tells what the server sees of its machine."""
    environment = sorted(name for name in os.environ if name not in ("LC_CTYPE",))
    listed = sorted(os.listdir("/workspace")) if os.path.isdir("/workspace") else None
    try:
        open("/workspace/written", "w").close()
        writes = True
    except OSError:
        writes = False
    return {"environment": environment, "workspace": listed, "writes": writes}


@server.tool()
async def slowly(ctx: Context) -> str:
    """Reports how far it is."""
    await ctx.report_progress(1, 2, "half way")
    return "there"


@server.tool()
def picture() -> list:
    """Draws a picture."""
    from mcp.types import ImageContent

    return [ImageContent(type="image", data="iVBORw0KGgo=", mimeType="image/png")]


def over_http():
    import uvicorn

    class Told(uvicorn.Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            print(self.servers[0].sockets[0].getsockname()[1], flush=True)

    app = server.streamable_http_app()
    Told(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error")).run()


if __name__ == "__main__":
    over_http() if "--http" in sys.argv else server.run("stdio")

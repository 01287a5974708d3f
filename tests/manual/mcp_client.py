"""Drives `oci-agent mcp PLAN` with the official Python client (pip install mcp), as a host would.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install mcp
    /tmp/venv/bin/python tests/manual/mcp_client.py target/debug/oci-agent examples/nhefs/plan.yaml /tmp/out

Not part of the test suite: it needs Python and the network once. What it shows: the handshake, the list of tools before and
after unblinding, a call of `estimate` that is refused, the first playbook that applies, the end of the loop, the estimates.
"""

import asyncio
import json
import re
import sys

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client


def words(result):
    return "\n".join(block.text for block in result.content)


async def main(program, plan, out):
    notes = []

    async def heard(message):
        notes.append(message)

    server = StdioServerParameters(command=program, args=["mcp", plan, "--out", out, "--force"])
    async with stdio_client(server) as (read, write), ClientSession(read, write, message_handler=heard) as session:
        hello = await session.initialize()
        print("server", getattr(hello, "server_info", None) or hello.serverInfo)
        print("instructions", len(hello.instructions), "characters")

        async def tools():
            return [tool.name for tool in (await session.list_tools()).tools]

        async def call(name, arguments=None, show=700):
            result = await session.call_tool(name, arguments or {})
            failed = result.is_error if hasattr(result, "is_error") else result.isError
            print(f"\n=== {name} {json.dumps(arguments or {})} -> {'REFUSED' if failed else 'ok'}")
            print(words(result)[:show])
            return words(result)

        print("blind:", await tools())
        await call("describe_data", show=400)
        await call("check_balance", {"estimand": sys.argv[4] if len(sys.argv) > 4 else "ate"})
        await call("estimate")
        try:
            await session.call_tool("launch_missiles", {})
        except Exception as error:  # a protocol error, as the specification says
            print("\n=== launch_missiles ->", type(error).__name__, error)
        said = await call("propose_spec", {"changes": []}, show=3000)
        for _ in range(4):
            found = re.search(r"^Playbooks that apply now.*?: (.*)\.$", said, re.M)
            if "effects were computed" in said or found is None or "none" == found.group(1):
                break
            changes = []
            for one in found.group(1).split("; "):
                target, _, names = one.partition(": ")
                if names and names != "none":
                    reason = "it addresses the worst finding"
                    changes.append({"estimand": target, "playbook": names.split(", ")[0], "reason": reason})
            said = await call("propose_spec", {"changes": changes}, show=3000)
            if not changes:
                break
        if "effects were computed" not in said:
            await call("propose_spec", {"changes": []}, show=3000)
        print("\nunblinded:", await tools())
        print("notifications:", [type(getattr(note, "root", note)).__name__ for note in notes])
        await call("estimate", show=1200)
        await call("check_sensitivity")
        await call("propose_spec", {"changes": []})


asyncio.run(main(*sys.argv[1:4]))

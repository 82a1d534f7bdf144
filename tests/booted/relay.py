#!/usr/bin/env python3
"""The way to a mail server, which a test can block: passes on what both say, and so many answers of the server at most.

    relay.py HOST:PORT TARGET_PORT LIMIT

LIMIT is a file. Each time it is replaced by another, as many answers as it says pass from then on, and then nothing does;
"all" is no limit. Runs until it is ended.
"""
import asyncio
import pathlib
import sys

LISTEN, TARGET, LIMIT = sys.argv[1], int(sys.argv[2]), pathlib.Path(sys.argv[3])


class Gate:
    """Lets answers through, as long as there is one left."""

    def __init__(self):
        self.seen, self.left = None, 0

    async def pass_one(self):
        while not self.has_one_left():
            await asyncio.sleep(0.05)
        self.left -= 1

    def has_one_left(self):
        if (seen := LIMIT.stat().st_ino) != self.seen:
            words = LIMIT.read_text()
            self.seen, self.left = seen, float("inf") if words == "all" else int(words)
        return self.left > 0


GATE = Gate()


async def copy(reader, writer, is_answer):
    try:
        while piece := await reader.read(65536):
            if is_answer:
                await GATE.pass_one()
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def pass_on(from_client, to_client):
    from_server, to_server = await asyncio.open_connection("127.0.0.1", TARGET)
    await asyncio.gather(copy(from_client, to_server, False), copy(from_server, to_client, True))


async def main():
    host, _, port = LISTEN.rpartition(":")
    async with await asyncio.start_server(pass_on, host, int(port)) as server:
        await server.serve_forever()


asyncio.run(main())

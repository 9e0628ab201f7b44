"""`python -m bench._post_office PORT`: a mail server that takes every mail and keeps none, until SIGTERM."""

from __future__ import annotations

import asyncio
import sys

from aiosmtpd.smtp import SMTP, Envelope, Session


class Takes:
    """What it does with mails."""

    async def handle_DATA(  # noqa: N802 # aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take one."""
        return "250 OK"


async def serve(port: int) -> None:
    """Listen."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Takes(), hostname="bench.test", loop=loop), "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(serve(int(sys.argv[1])))

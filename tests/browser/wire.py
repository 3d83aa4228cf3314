"""What lies between a browser's sockets and the gateway: to be cut, and heard."""

import json
from typing import Any

from playwright.sync_api import BrowserContext, WebSocketRoute


class Wire:
    """The sockets of a browser profile."""

    def __init__(self, context: BrowserContext) -> None:
        self.is_cut = False
        self.told: list[dict[str, Any]] = []
        self._ends: list[WebSocketRoute] = []
        context.route_web_socket("**/local?*", self._connect)

    def cut(self) -> None:
        self.is_cut = True
        for end in self._ends:
            end.close()
        self._ends.clear()

    def mend(self) -> None:
        self.is_cut = False

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """A frame that the gateway did not send."""
        self._ends[0].send(json.dumps({"type": kind, "data": data}))

    def _connect(self, page: WebSocketRoute) -> None:
        if self.is_cut:
            page.close()
            return
        server = page.connect_to_server()
        self._ends += [page, server]

        def tell(frame: str | bytes) -> None:
            self.told.append(json.loads(frame))
            page.send(frame)

        server.on_message(tell)

"""What comes of HTTP APIs that have a host each in AWS, and share one port here."""

from apigw_local.core.events.http import prefix_of
from apigw_local.core.paths import same_requests
from apigw_local.template.model import HttpSettings


class SharedPort:
    """The routes of all HTTP APIs."""

    def __init__(self) -> None:
        self._taken: dict[str, list[tuple[str, HttpSettings]]] = {}

    def clash(self, method: str, path: str, api: HttpSettings) -> str | None:
        """Take a route; what is to be said if another API has one for the same requests."""
        taken = self._taken.setdefault(same_requests(prefix_of(api.stage) + path), [])
        clashes = any(
            first.api_id != api.api_id and (other == method or "ANY" in (other, method))
            for other, first in taken
        )
        taken.append((method, api))
        if not clashes:
            return None
        return (
            f"{method} {path} is a route of another HTTP API too; in AWS each API has a host of "
            "its own, here they share a port, and only one of the two routes is reached: give one "
            "API a StageName, or serve them from templates of their own"
        )

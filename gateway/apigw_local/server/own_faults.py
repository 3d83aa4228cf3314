"""What the HTTP server writes of its own accord."""

import logging

from aiohttp.http import HttpProcessingError


class _OwnFaults(logging.Filter):
    """Leaves out what a client did wrong: it has been told, with a 400."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))


def server_log() -> logging.Logger:
    """The logger for aiohttp's server: faults of ours alone."""
    logger = logging.getLogger("apigw_local.server")
    if not logger.filters:
        logger.addFilter(_OwnFaults())
    return logger

"""Token buckets ("Throttle requests to your WebSocket APIs in API Gateway")."""


class Bucket:
    """Lets ``rate`` requests a second pass, and ``burst`` at once.

    Args:
        now: seconds, by any clock that goes forward.
    """

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more may pass now."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

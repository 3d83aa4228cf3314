import pytest

from hadir.domain.errors import InvalidSettings
from hadir.settings import Settings

NAMES = ["redis_url", "management_endpoint", "region", "announce_function"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_missing_is_named(name: str) -> None:
    with pytest.raises(InvalidSettings, match=r"^set the environment variable [A-Z_]+$"):
        getattr(Settings({}), name)


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(
        InvalidSettings, match=r"REDIS_URL must begin with one of redis://, redis.cluster"
    ):
        _ = Settings({"REDIS_URL": "localhost:6379"}).redis_url


def test_what_is_there_is_used() -> None:
    assert Settings({"REDIS_URL": "rediss://r:6379/0"}).redis_url == "rediss://r:6379/0"
    assert Settings({"ANNOUNCE_FUNCTION": "f"}).announce_function == "f"

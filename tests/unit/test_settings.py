import pytest

from hadir.domain.errors import InvalidSettings
from hadir.domain.limits import Limits
from hadir.domain.roles import CustomersSee
from hadir.settings import Settings

NAMES = ["redis_url", "management_endpoint", "region", "announce_function", "message_function"]


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
    assert Settings({"MESSAGE_FUNCTION": "g:live"}).message_function == "g:live"


def test_without_a_word_a_token_is_needed() -> None:
    assert not Settings({}).needs_no_token
    assert not Settings({"AUTH_MODE": ""}).needs_no_token
    assert Settings({"AUTH_MODE": "open"}).needs_no_token


@pytest.mark.parametrize("mode", ["Open", "none", "off", " open"])
def test_any_other_mode_is_refused(mode: str) -> None:
    with pytest.raises(InvalidSettings, match="AUTH_MODE must be token or open"):
        _ = Settings({"AUTH_MODE": mode}).needs_no_token


def test_without_a_word_customers_see_everybody() -> None:
    assert Settings({}).customers_see is CustomersSee.EVERYBODY
    assert Settings({"CUSTOMERS_SEE": ""}).customers_see is CustomersSee.EVERYBODY
    for each in CustomersSee:
        assert Settings({"CUSTOMERS_SEE": each.value}).customers_see is each


@pytest.mark.parametrize("whom", ["Agents", "nobody", " counts"])
def test_whom_else_they_might_see_is_refused(whom: str) -> None:
    message = "CUSTOMERS_SEE must be one of everybody, agents, counts"
    with pytest.raises(InvalidSettings, match=message):
        _ = Settings({"CUSTOMERS_SEE": whom}).customers_see


@pytest.mark.parametrize("scheme", ["redis", "redis+cluster"])
def test_elasticache_is_reached_by_tls_only(scheme: str) -> None:
    host = "chat.abc.euw1.cache.amazonaws.com:6379"
    with pytest.raises(InvalidSettings, match="must begin with rediss://"):
        _ = Settings({"REDIS_URL": f"{scheme}://{host}"}).redis_url
    tls = f"{scheme.replace('redis', 'rediss')}://{host}"
    assert Settings({"REDIS_URL": tls}).redis_url == tls


@pytest.mark.parametrize(
    "url", ["http://issuer.example/jwks", "ftp://x", "file:///etc/passwd", "x"]
)
def test_keys_come_over_https(url: str) -> None:
    with pytest.raises(InvalidSettings, match="JWKS_URL must begin with https://"):
        _ = Settings({"JWKS_URL": url}).jwks_url


@pytest.mark.parametrize("url", ["", "https://issuer.example/jwks", "http://127.0.0.1:1/jwks"])
def test_where_keys_may_come_from(url: str) -> None:
    assert Settings({"JWKS_URL": url}).jwks_url == url


def test_origins_are_a_list() -> None:
    given = {"ALLOWED_ORIGINS": "https://App.example.com/, http://localhost:3000,"}
    expected = {"https://app.example.com", "http://localhost:3000"}
    assert Settings(given).allowed_origins == expected
    with pytest.raises(InvalidSettings, match="ALLOWED_ORIGINS"):
        _ = Settings({}).allowed_origins


def test_a_grace_needs_its_queue() -> None:
    assert Settings({"GRACE_QUEUE_URL": "https://sqs/1/q"}).grace_queue_url == ""
    grace = {"DISCONNECT_GRACE_SECONDS": "300"}
    assert Settings({**grace, "GRACE_QUEUE_URL": "https://sqs/1/q"}).grace_queue_url == (
        "https://sqs/1/q"
    )
    with pytest.raises(InvalidSettings, match="GRACE_QUEUE_URL"):
        _ = Settings({**grace, "GRACE_QUEUE_URL": ""}).grace_queue_url
    with pytest.raises(InvalidSettings, match="from 0 to 300"):
        _ = Settings({"DISCONNECT_GRACE_SECONDS": "301"}).grace_seconds


def test_iam_needs_user_cache_and_tls() -> None:
    whole = {"REDIS_IAM_USER": "u", "REDIS_IAM_CACHE": "c", "REDIS_URL": "rediss+cluster://r:1"}
    assert Settings(whole).redis_iam == ("u", "c")
    assert Settings({"REDIS_URL": "redis://r:1"}).redis_iam is None
    for broken in (
        {"REDIS_IAM_CACHE": ""},
        {"REDIS_URL": "redis://r:1"},
        {"REDIS_URL": "rediss://u:secret@r:1"},
    ):
        with pytest.raises(InvalidSettings):
            _ = Settings({**whole, **broken}).redis_iam


@pytest.mark.parametrize(
    "name", ["MESSAGES_PER_SECOND", "CONNECTIONS_PER_USER", "PEOPLE_PER_SESSION"]
)
@pytest.mark.parametrize("value", ["0", "-1", "x", "1e9", "nan"])
def test_a_limit_that_cannot_be_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{name} must be a number from"):
        _ = Settings({name: value}).limits


def test_how_many_posts_somebody_may_cause_follows_from_the_limits() -> None:
    usual = Settings({}).limits
    assert usual == Limits()
    assert (usual.posts_per_second, usual.posts_burst) == (200, 6000)
    assert (usual.tenant_posts_per_second, usual.tenant_posts_burst) == (2000, 60_000)

    fewer = Settings({"MESSAGES_PER_SECOND": "2", "PEOPLE_PER_SESSION": "100"}).limits
    assert (fewer.posts_per_second, fewer.posts_burst) == (40, 800)


@pytest.mark.parametrize("people", [1, 10, 1000, 10_000])
def test_a_full_session_can_be_told_of_a_join_at_any_limit(people: int) -> None:
    """It costs a post to everybody there, and another when they leave."""
    lowest = Settings({"MESSAGES_PER_SECOND": "0.1", "PEOPLE_PER_SESSION": str(people)}).limits

    assert lowest.posts_burst >= 2 * (people + 1)

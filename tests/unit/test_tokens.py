"""Tokens that are good, and everything that tries to be one."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from moto import mock_aws

from hadir.access.keys import (
    COOLDOWN_SECONDS,
    KEPT_SECONDS,
    LONGEST_KEPT_SECONDS,
    SecretKeys,
    SigningKeys,
    fetch_secret,
)
from hadir.access.tokens import Tokens
from hadir.domain.errors import InvalidToken, KeysUnavailable
from hadir.domain.grant import LONGEST_TOKEN, Grant
from hadir.domain.identity import UserType
from tests.tokens import (
    EC_KEY,
    PUBLIC_PEM,
    RSA_KEY,
    SECRET,
    Issuer,
    claims,
    public_token,
    raw_token,
    running_issuer,
    token,
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def by_secret(*keys: str, issuer: str = "") -> Tokens:
    stages = dict(zip(("AWSCURRENT", "AWSPREVIOUS"), keys, strict=False))
    return Tokens("hadir", issuer, secret=SecretKeys(stages.get))


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


def by_keys(issuer: Issuer) -> Tokens:
    return Tokens("hadir", public=SigningKeys(issuer.url))


class TestClaims:
    def test_what_a_token_says(self) -> None:
        expiry = int(time.time()) + 60
        text = token(session=["a", "b-*"], user="u", type="agent", tenant="acme", exp=expiry)
        expected = Grant("acme", "u", UserType.AGENT, ("a", "b-*"), expiry + 5)
        assert by_secret(SECRET).read(text) == expected

    def test_what_is_written_in_two_ways_is_one_name(self) -> None:
        """As ids are in requests: else a token would not be for the session it names."""
        cafe: dict[str, Any] = {"session": ["cafe\u0301", "the\u0301-*"], "user": "Rene\u0301e"}
        grant = by_secret(SECRET).read(token(**cafe, tenant="a\u030a"))

        assert grant.sessions == ("caf\u00e9", "th\u00e9-*")
        assert (grant.user_id, grant.tenant) == ("Ren\u00e9e", "\u00e5")
        assert grant.identity("cafe\u0301").session_id == "caf\u00e9"
        assert grant.identity("th\u00e9-1").session_id == "th\u00e9-1"

    @pytest.mark.parametrize("user", ["auth0|5f", "anna+shop@x.id", "o'brien@x", "a/b", "用户"])
    def test_whatever_a_provider_calls_people(self, user: str) -> None:
        assert by_secret(SECRET).read(token(user=user)).user_id == user

    def test_it_may_say_what_is_shown_of_people(self) -> None:
        text = token(name=" Anna  Berg ", avatar="https://img.example.com/a.png")
        grant = by_secret(SECRET).read(text)

        assert (grant.name, grant.avatar) == ("Anna Berg", "https://img.example.com/a.png")
        who = grant.identity(None)
        assert (who.name, who.avatar) == (grant.name, grant.avatar)

    @pytest.mark.parametrize(
        ("claim", "value"),
        [("name", 7), ("name", " \u200b"), ("name", ["Anna"]), ("avatar", "http://a/b.png")],
    )
    def test_what_cannot_be_shown_keeps_nobody_out(self, claim: str, value: object) -> None:
        said: list[str] = []
        tokens = Tokens(
            "hadir", secret=SecretKeys({"AWSCURRENT": SECRET}.get), on_unshown=said.append
        )

        grant = tokens.read(token(SECRET, **{claim: value}))

        assert (grant.user_id, grant.name, grant.avatar) == ("customer_1", "", "")
        (sentence,) = said
        assert sentence.startswith(f"The token's {claim} is not shown: it must be ")
        tokens.read(token())
        assert len(said) == 1

    def test_who_gets_in_by_the_grace_for_clocks_has_the_rest_of_it(self) -> None:
        now = int(time.time())
        assert by_secret(SECRET).read(token(exp=now - 1)).expires_at == now + 4

    @pytest.mark.parametrize("claim", ["iat", "nbf"])
    def test_it_may_be_from_a_clock_that_is_30_s_ahead(self, claim: str) -> None:
        now = int(time.time())
        assert by_secret(SECRET).read(token(SECRET, **{"exp": now + 900, claim: now + 30}))
        for early in (now + 32, now + 60):  # not 31: the second may pass meanwhile
            with pytest.raises(InvalidToken, match="the token is not valid yet"):
                by_secret(SECRET).read(token(SECRET, **{"exp": now + 900, claim: early}))

    def test_how_far_ahead_is_the_same_with_published_keys(self, issuer: Issuer) -> None:
        assert by_keys(issuer).read(public_token(iat=int(time.time()) + 30))

    def test_an_expiry_is_overlooked_for_5_s_only(self) -> None:
        now = int(time.time())
        assert by_secret(SECRET).read(token(exp=now - 3))
        with pytest.raises(InvalidToken, match="the token has expired"):
            by_secret(SECRET).read(token(exp=now - 5))

    def test_without_a_tenant_it_is_the_default_one(self) -> None:
        assert by_secret(SECRET).read(token()).tenant == "default"

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"exp": None}, "the token has no exp"),
            ({"aud": None}, "the token has no aud"),
            ({"exp": 1}, "the token has expired"),
            ({"exp": time.time() - 10}, "the token has expired"),
            ({"nbf": 4102444800}, "the token is not valid yet"),
            ({"iat": 4102444800}, "the token is not valid yet"),
            ({"aud": "another"}, "the token is for another audience"),
            ({"aud": ["another"]}, "the token is for another audience"),
            ({"aud": 7}, "the token is for another audience"),
            ({"exp": 1795494084000}, "the token's exp must be in seconds"),
            ({"exp": 10**400}, "the token's exp must be in seconds"),
            ({"exp": "never"}, "this is not a JSON Web Token"),
            ({"exp": [1]}, "this is not a JSON Web Token"),
            ({"session": None}, "in the token, session must be"),
            ({"session": []}, "in the token, session must name at least one"),
            ({"session": ""}, "in the token, session must be"),
            ({"session": "a*b"}, "in the token, session must be"),
            ({"session": "**"}, "in the token, session must be"),
            ({"session": {"a": 1}}, "in the token, session must be"),
            ({"session": [["a"]]}, "in the token, session must be"),
            ({"session": [7]}, "in the token, session must be"),
            ({"user": None}, "in the token, user must be"),
            ({"user": "a b"}, "in the token, user must be"),
            ({"user": "{0}"}, "in the token, user must be"),
            ({"user": "a\u202eb"}, "in the token, user must be"),
            ({"user": "u" * 129}, "in the token, user must be"),
            ({"user": ["u"]}, "in the token, user must be"),
            ({"type": None}, "in the token, user_type must be"),
            ({"type": "root"}, "in the token, user_type must be"),
            ({"type": ["admin"]}, "in the token, user_type must be"),
            ({"tenant": "a b"}, "in the token, tenant must be"),
            ({"tenant": ""}, "in the token, tenant must be"),
            ({"tenant": 7}, "in the token, tenant must be"),
        ],
    )
    def test_what_is_wrong_is_said(self, changes: dict[str, Any], said: str) -> None:
        with pytest.raises(InvalidToken) as refused:
            by_secret(SECRET).read(token(**changes))
        assert str(refused.value).startswith(said)

    def test_an_issuer_may_be_asked_for(self) -> None:
        tokens = by_secret(SECRET, issuer="us")
        assert tokens.read(token(iss="us"))
        for other in ({"iss": "them"}, {"iss": ["us"]}, {}):
            text = raw_token({"alg": "HS256"}, {**claims(), **other}, SECRET.encode())
            with pytest.raises(InvalidToken):
                tokens.read(text)


class TestForgeries:
    def test_a_signature_of_somebody_else(self) -> None:
        with pytest.raises(InvalidToken, match="not signed with a key that is taken here"):
            by_secret(SECRET).read(token("x" * 40))

    def test_a_claim_changed_after_signing(self) -> None:
        header, _, signature = token().split(".")
        _, admin, _ = raw_token({}, claims(type="admin")).split(".")
        with pytest.raises(InvalidToken):
            by_secret(SECRET).read(f"{header}.{admin}.{signature}")

    @pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", "", None, ["HS256"], {}, 7])
    def test_no_algorithm(self, issuer: Issuer, name: object) -> None:
        text = raw_token({"alg": name, "typ": "JWT"}, claims())
        for tokens in (by_secret(SECRET), by_keys(issuer)):
            for each in (text, text + "x", raw_token({"alg": name}, claims(), SECRET.encode())):
                with pytest.raises(InvalidToken):
                    tokens.read(each)

    def test_key_confusion(self, issuer: Issuer) -> None:
        """HS256 with the public key as the secret: whoever has it could sign."""
        both = Tokens(
            "hadir", secret=SecretKeys({"AWSCURRENT": SECRET}.get), public=SigningKeys(issuer.url)
        )
        for secret in (PUBLIC_PEM, PUBLIC_PEM.strip(), issuer.published()):
            text = raw_token({"alg": "HS256", "kid": "k1"}, claims(), secret)
            for tokens in (by_keys(issuer), both):
                with pytest.raises(InvalidToken):
                    tokens.read(text)

    @pytest.mark.parametrize("algorithm", ["HS384", "HS512", "RS384", "PS256", "ES384", "EdDSA"])
    def test_other_algorithms(self, issuer: Issuer, algorithm: str) -> None:
        text = raw_token({"alg": algorithm, "kid": "k1"}, claims(), SECRET.encode())
        for tokens in (by_secret(SECRET), by_keys(issuer)):
            with pytest.raises(InvalidToken, match="algorithm is not one that is taken here"):
                tokens.read(text)

    def test_a_key_that_comes_with_the_token(self, issuer: Issuer) -> None:
        thief = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        for header in ({"jku": "http://127.0.0.1:1/"}, {"jwk": {"kty": "oct", "k": "eA"}}):
            text = jwt.encode(claims(), thief, "RS256", {"kid": "k1", **header})
            with pytest.raises(InvalidToken):
                by_keys(issuer).read(text)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            ".",
            "..",
            "a.b.c",
            "é.é.é",
            "\ud800",
            "x" * (LONGEST_TOKEN + 1),
            raw_token([], {}),
            raw_token({"alg": "HS256"}, [], SECRET.encode()),
            raw_token({"alg": "HS256"}, b"[" * 2000, SECRET.encode()),
            raw_token(b"[" * 2000, {}),
            raw_token({"alg": "HS256"}, b"\xff", SECRET.encode()),
            raw_token({"alg": "HS256"}, b'{"exp": Infinity, "aud": "hadir"}', SECRET.encode()),
            raw_token({"alg": "HS256"}, b'{"exp": 1e400, "aud": "hadir"}', SECRET.encode()),
        ],
    )
    def test_what_is_no_token(self, text: str) -> None:
        with pytest.raises(InvalidToken):
            by_secret(SECRET).read(text)

    @pytest.mark.parametrize("header", [{"crit": ["exp"]}, {"b64": False}])
    def test_a_header_that_asks_for_what_is_not_done_here(self, header: dict[str, Any]) -> None:
        text = raw_token({"alg": "HS256", **header}, claims(), SECRET.encode())
        with pytest.raises(InvalidToken):
            by_secret(SECRET).read(text)


class TestSecret:
    def test_the_one_before_is_taken_until_the_next(self) -> None:
        old, new = "o" * 40, "n" * 40
        tokens = by_secret(new, old)
        assert tokens.read(token(new)) == tokens.read(token(old))

    def test_a_new_one_is_looked_for_but_not_for_every_forgery(self) -> None:
        clock, values, asked = Clock(), {"AWSCURRENT": "o" * 40}, []

        def fetch(stage: str) -> str | None:
            asked.append(stage)
            return values.get(stage)

        tokens = Tokens("hadir", secret=SecretKeys(fetch, clock))
        tokens.read(token("o" * 40))
        values.update(AWSCURRENT="n" * 40, AWSPREVIOUS="o" * 40)
        with pytest.raises(InvalidToken):  # fetched only just now
            tokens.read(token("n" * 40))
        clock.now += COOLDOWN_SECONDS
        tokens.read(token("n" * 40))
        for _ in range(100):
            with pytest.raises(InvalidToken):
                tokens.read(token("f" * 40))
        assert len(asked) == 4
        clock.now += KEPT_SECONDS
        tokens.read(token("o" * 40))
        assert len(asked) == 6

    def test_what_is_known_is_used_while_it_cannot_be_fetched(self) -> None:
        clock, away = Clock(), False

        def fetch(stage: str) -> str | None:
            if away:
                raise KeysUnavailable("away")
            return SECRET if stage == "AWSCURRENT" else None

        tokens = Tokens("hadir", secret=SecretKeys(fetch, clock))
        away = True
        with pytest.raises(KeysUnavailable, match=r"^away$"):
            tokens.read(token())
        away = False
        with pytest.raises(KeysUnavailable, match="a moment ago"):
            tokens.read(token())
        clock.now += COOLDOWN_SECONDS
        assert tokens.read(token())
        away = True
        clock.now += KEPT_SECONDS
        assert tokens.read(token())
        clock.now += LONGEST_KEPT_SECONDS
        with pytest.raises(KeysUnavailable, match=r"^away$"):
            tokens.read(token())

    def test_a_short_one_is_refused_and_said(self) -> None:
        with pytest.raises(KeysUnavailable, match="must have 32 bytes or more"):
            by_secret("short").read(raw_token({"alg": "HS256"}, claims(), b"short"))

    def test_a_short_one_of_before_is_left_out(self) -> None:
        tokens = by_secret(SECRET, "short")
        assert tokens.read(token())
        with pytest.raises(InvalidToken):
            tokens.read(raw_token({"alg": "HS256"}, claims(), b"short"))

    def test_it_is_rotated_in_secrets_manager(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        with mock_aws():
            manager = boto3.client("secretsmanager")
            arn = manager.create_secret(Name="hadir", SecretString="a" * 40)["ARN"]
            assert SecretKeys(fetch_secret(arn)).keys() == ("a" * 40,)
            manager.put_secret_value(SecretId=arn, SecretString="b" * 40)
            assert SecretKeys(fetch_secret(arn)).keys() == ("b" * 40, "a" * 40)
            with pytest.raises(KeysUnavailable, match="could not be read"):
                SecretKeys(fetch_secret("another")).keys()


class TestPublicKeys:
    @pytest.mark.parametrize(("kid", "key"), [("k1", RSA_KEY), ("e1", EC_KEY)])
    def test_rs256_and_es256(self, issuer: Issuer, kid: str, key: Any) -> None:
        tokens = by_keys(issuer)
        for _ in range(5):
            assert tokens.read(public_token(kid, key)).user_id == "customer_1"
        assert issuer.asked == 1

    def test_a_new_key_is_looked_for_and_an_old_one_forgotten(self, issuer: Issuer) -> None:
        clock = Clock()
        tokens = Tokens("hadir", public=SigningKeys(issuer.url, clock))
        tokens.read(public_token())
        clock.now += COOLDOWN_SECONDS
        new = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        issuer.keys = {"k2": new}
        assert tokens.read(public_token("k2", new))
        with pytest.raises(InvalidToken, match="a key that its issuer does not know"):
            tokens.read(public_token())

    def test_unknown_keys_are_not_looked_for_every_time(self, issuer: Issuer) -> None:
        tokens = by_keys(issuer)
        tokens.read(public_token())
        for number in range(50):
            with pytest.raises(InvalidToken):
                tokens.read(public_token(f"k{number}x"))
        assert issuer.asked == 1

    @pytest.mark.parametrize("kid", [None, "", "unknown"])
    def test_a_token_must_name_its_key(self, issuer: Issuer, kid: str | None) -> None:
        with pytest.raises(InvalidToken):
            by_keys(issuer).read(public_token(kid))

    def test_a_key_of_one_kind_does_not_do_for_the_other(self, issuer: Issuer) -> None:
        with pytest.raises(InvalidToken):
            by_keys(issuer).read(public_token("e1", RSA_KEY))

    def test_an_issuer_that_is_away(self, issuer: Issuer) -> None:
        clock = Clock()
        tokens = Tokens("hadir", public=SigningKeys(issuer.url, clock))
        issuer.broken = True
        with pytest.raises(KeysUnavailable, match="the issuer's keys could not be read"):
            tokens.read(public_token())
        issuer.broken = False
        with pytest.raises(KeysUnavailable, match="a moment ago"):  # it is not asked every time
            tokens.read(public_token())
        clock.now += COOLDOWN_SECONDS
        assert tokens.read(public_token())
        issuer.broken = True
        for _ in range(3):
            clock.now += KEPT_SECONDS
            assert tokens.read(public_token())

    @pytest.mark.parametrize(
        "published",
        [
            b"",
            b"<html>",
            b"\xff",
            b"[]",
            b"{}",
            b'{"keys": []}',
            b'{"keys": "k1"}',
            b'{"keys": [7]}',
            b'{"keys": [{"kty": "RSA", "kid": "k1", "n": 7, "e": "AQAB"}]}',
            b'{"keys": [{"kty": "RSA", "kid": ["k1"]}]}',
        ],
    )
    def test_keys_that_are_none(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, published: bytes
    ) -> None:
        monkeypatch.setattr(issuer, "published", lambda: published)
        with pytest.raises(KeysUnavailable):
            by_keys(issuer).read(public_token())

    def test_a_published_secret_is_no_key(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published = b'{"keys": [{"kty": "oct", "k": "eA", "kid": "k1"}]}'
        monkeypatch.setattr(issuer, "published", lambda: published)
        for text in (public_token(), raw_token({"alg": "HS256", "kid": "k1"}, claims(), b"x")):
            with pytest.raises(InvalidToken):
                by_keys(issuer).read(text)

"""Who comes in, from where, into which session."""

import pytest

from hadir.access.gate import Gate, offers_subprotocol
from hadir.domain.errors import InvalidIdentity, InvalidToken, NotPermitted
from hadir.domain.grant import Grant
from hadir.domain.identity import Identity, SessionRef, UserType

ANYWHERE = frozenset({"*"})
TOKENS = {
    "one": Grant("acme", "u1", UserType.CUSTOMER, ("s1",), 99),
    "customers": Grant("acme", "u1", UserType.CUSTOMER, ("*",), 99),
    "alone": Grant("acme", "u1", UserType.AGENT, ("s1",), 99),
    "two": Grant("acme", "u1", UserType.AGENT, ("s1", "s2"), 99),
    "prefix": Grant("acme", "u1", UserType.ADMIN, ("team-*",), 99),
    "all": Grant("acme", "u1", UserType.ADMIN, ("*",), 99),
}


def read_token(token: str) -> Grant:
    if token not in TOKENS:
        raise InvalidToken("no")
    return TOKENS[token]


gate = Gate(read_token, ANYWHERE)


class TestTokens:
    def test_it_wins_over_the_query(self) -> None:
        query = {"token": "one", "session_id": "s1", "user_id": "boss", "user_type": "admin"}
        assert gate.socket(query, {}) == Identity("s1", "u1", UserType.CUSTOMER, "acme", 99)

    def test_the_only_session_need_not_be_named(self) -> None:
        assert gate.socket({"token": "one"}, {}).session == SessionRef("acme", "s1")

    @pytest.mark.parametrize("name", ["Sec-WebSocket-Protocol", "sec-websocket-protocol"])
    def test_as_a_subprotocol(self, name: str) -> None:
        headers = {name: "hadir.v1, token.one"}
        assert gate.socket({}, headers).user_id == "u1"
        assert offers_subprotocol(headers)

    @pytest.mark.parametrize("offer", ["", "token.one", "hadir.v2, token.one", "x-hadir.v1"])
    def test_only_what_was_offered_is_chosen(self, offer: str) -> None:
        assert not offers_subprotocol({"Sec-WebSocket-Protocol": offer})

    @pytest.mark.parametrize(
        ("token", "session_id"),
        [
            ("one", "s2"),
            ("one", "s1x"),
            ("one", "S1"),
            ("two", "s3"),
            ("prefix", "team"),
            ("prefix", "other-1"),
        ],
    )
    def test_a_token_for_another_session(self, token: str, session_id: str) -> None:
        with pytest.raises(NotPermitted, match="not for this session"):
            gate.socket({"token": token, "session_id": session_id}, {})

    @pytest.mark.parametrize(
        ("token", "session_id"),
        [("two", "s2"), ("prefix", "team-1"), ("prefix", "team-"), ("all", "x")],
    )
    def test_a_token_for_this_session(self, token: str, session_id: str) -> None:
        found = gate.socket({"token": token, "session_id": session_id}, {})
        assert found.session == SessionRef("acme", session_id)

    @pytest.mark.parametrize(
        ("token", "session_id", "others", "closed"),
        [
            ("one", "s1", [], ["s2", "*"]),
            ("customers", "s1", [], ["s2"]),
            ("alone", "s1", [], ["s2", "*"]),
            ("two", "s2", ["s1"], ["s3", "s", "s1x"]),
            ("prefix", "team-1", ["team-2", "team-"], ["team", "team-*", "x"]),
            ("all", "x", ["y"], ["*", "y*"]),
        ],
    )
    def test_which_other_sessions_an_agent_or_admin_may_act_in(
        self, token: str, session_id: str, others: list[str], closed: list[str]
    ) -> None:
        found = gate.socket({"token": token, "session_id": session_id}, {})
        assert all(found.covers(each) for each in [session_id, *others])
        assert not any(found.covers(each) for each in closed)
        assert bool(found.sessions) == bool(others)

    @pytest.mark.parametrize("session_id", [None, "", "{s1}", "s1\n", "s 1", "s1\u200b"])
    def test_a_session_that_is_none(self, session_id: str | None) -> None:
        for token in ("two", "all", "prefix"):
            query = {"token": token} | ({} if session_id is None else {"session_id": session_id})
            with pytest.raises(InvalidIdentity):
                gate.socket(query, {})

    @pytest.mark.parametrize("session_id", ["*", "team-*", "team-**", "s1*", "*s1"])
    def test_no_session_is_called_like_a_prefix(self, session_id: str) -> None:
        """A token for it alone would be one for all that begin alike."""
        for token in ("two", "all", "prefix"):
            with pytest.raises(NotPermitted):
                gate.socket({"token": token, "session_id": session_id}, {})

    def test_a_session_of_any_name_stays_within_the_token(self) -> None:
        for session_id in ("s1/../s2", "s1%2Fs2", "s1|s2", "s1,s2"):
            query = {"token": "two", "session_id": session_id}
            with pytest.raises(NotPermitted):
                gate.socket(query, {})
            found = gate.socket({**query, "token": "all"}, {})
            assert found.session == SessionRef("acme", session_id)

    @pytest.mark.parametrize("query", [{}, {"token": ""}, {"token": "forged"}])
    def test_without_a_good_one_nobody_gets_in(self, query: dict[str, str]) -> None:
        who = {"session_id": "s1", "user_id": "u1", "user_type": "admin"}
        with pytest.raises(InvalidToken):
            gate.socket({**who, **query}, {})


class TestOrigins:
    @pytest.mark.parametrize("origin", ["https://app.example.com", "HTTPS://App.Example.Com"])
    def test_one_that_is_allowed(self, origin: str) -> None:
        strict = Gate(read_token, frozenset({"https://app.example.com"}))
        assert strict.socket({"token": "one"}, {"Origin": origin})

    @pytest.mark.parametrize(
        "origin",
        [
            "https://evil.example",
            "https://app.example.com.evil.example",
            "http://app.example.com",
            "https://app.example.com:8443",
            "null",
            "",
            "*",
        ],
    )
    def test_one_that_is_not(self, origin: str) -> None:
        strict = Gate(read_token, frozenset({"https://app.example.com"}))
        with pytest.raises(NotPermitted, match="origin"):
            strict.socket({"token": "one"}, {"origin": origin})

    def test_a_program_says_none(self) -> None:
        strict = Gate(read_token, frozenset({"https://app.example.com"}))
        assert strict.socket({"token": "one"}, {})


class TestRequests:
    @pytest.mark.parametrize("header", ["Bearer one", "bearer one", "Bearer  one "])
    def test_a_bearer_token(self, header: str) -> None:
        assert gate.request({"Authorization": header}) == TOKENS["one"]

    @pytest.mark.parametrize("header", ["", "one", "Basic one", "Bearer", "Bearer ", "Bearer x"])
    def test_anything_else(self, header: str) -> None:
        with pytest.raises(InvalidToken):
            gate.request({"authorization": header} if header else {})


class TestOpen:
    def test_everybody_is_whom_they_say(self) -> None:
        open_gate = Gate(None, ANYWHERE)
        query = {"session_id": "s", "user_id": "u", "user_type": "admin", "token": "x"}
        assert open_gate.socket(query, {}) == Identity("s", "u", UserType.ADMIN, sessions=("*",))
        customer = open_gate.socket({**query, "user_type": "customer"}, {})
        assert customer == Identity("s", "u", UserType.CUSTOMER)
        assert open_gate.request({}).covers("anything")

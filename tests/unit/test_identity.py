import sys
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hadir.domain.errors import InvalidIdentity
from hadir.domain.identity import (
    Identity,
    Person,
    SessionRef,
    UserType,
    check_id,
    shown_avatar,
    shown_name,
)

ALPHABETS = ("ABCxyz0189_.:@-|+'/*~\"\\<>%", "éßñæøåđ", "жабвгд", "漢字", "😀🎉")

NORMAL = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="{}")).map(
    lambda text: unicodedata.normalize("NFC", text)
)


@given(st.data())
def test_every_id_the_contract_allows_is_taken(data: st.DataObject) -> None:
    alphabet = data.draw(st.sampled_from(ALPHABETS))
    longest = min(128, 256 // max(len(char.encode()) for char in alphabet))
    value = data.draw(st.text(alphabet, min_size=1, max_size=longest))

    assert check_id("user_id", value) == value


@given(NORMAL)
def test_whatever_can_be_printed_is_an_id_if_it_is_not_too_long(value: str) -> None:
    assume(1 <= len(value) <= 128)
    assume(len(value.encode()) <= 256)
    assume(value.isprintable())  # as Python's Unicode has it, not Hypothesis's

    assert check_id("user_id", value) == value


@pytest.mark.parametrize(
    "value",
    [
        *("auth0|5f7c8ec7c33c6c004bbafe82", "anna+shop@x.id", "o'brien@x", "google-oauth2|1"),
        *("arn:aws:iam::1:user/anna", "did:key:z6Mk", 'a"b\\c', "50%", "a*", "Ångström", "用户"),
        *("👩💻", "x" * 128, "é" * 128, "😀" * 64),
    ],
)
def test_what_identity_providers_call_people_is_an_id(value: str) -> None:
    assert check_id("user_id", value) == value


@pytest.mark.parametrize(
    "value",
    [
        *("", "x" * 129, "é" * 129, "😀" * 65, "x" * 100_000, "e\u0301" * 200),
        *("a b", " a", "a ", " ", "a\n", "a\t", "\x00", "a\x00", "a\x7f", "a\x85"),
        *("{1}", "{", "a}", "{\u0301a"),
        *("a\u00a0b", "a\u2003b", "a\u2028b", "a\u3000b"),  # blanks: no-break, em, line, wide
        *("a\u200b", "a\u200d", "\ufeffa", "a\u00ad"),  # nothing to see
        *("a\u202eb", "a\u2066b"),  # written from right to left
        *("\ud800", "a\udfff", "\ud83d\ude00"),  # no text
        *("\ufffd", "a\ufffd"),  # stands for what was no text
        *("\ue000", "\U0010ffff", "\u0378"),  # no character, or nobody knows which
        *(None, 7, 1.5, True, ["a"], {"a": 1}, b"a"),
    ],
)
def test_every_other_id_is_refused_without_being_repeated(value: object) -> None:
    with pytest.raises(InvalidIdentity, match=r"^user_id must be 1 to 128 printable") as refused:
        check_id("user_id", value)
    assert not (isinstance(value, str) and len(value) > 3) or value not in str(refused.value)


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text_is_an_id_or_refused(value: str) -> None:
    try:
        taken = check_id("user_id", value)
    except InvalidIdentity:
        return
    assert taken == unicodedata.normalize("NFC", value)
    assert check_id("user_id", taken) == taken
    assert len(taken) <= 128
    assert len(taken.encode()) <= 256
    assert not any(char.isspace() or char in "{}" for char in taken)


def test_what_is_written_in_two_ways_is_one_id() -> None:
    assert check_id("user_id", "A\u030angstro\u0308m") == "\u00c5ngstr\u00f6m"
    assert check_id("user_id", "\u1112\u1161\u11ab") == "\ud55c"
    assert check_id("user_id", "\u212b") == "\u00c5"
    assert Identity.parse("cafe\u0301", "u", "agent", "cafe\u0301") == Identity.parse(
        "caf\u00e9", "u", "agent", "caf\u00e9"
    )


@pytest.mark.parametrize("written", ["e\u0301", "\u1112\u1161\u11ab"])
def test_a_decomposed_id_is_as_long_as_it_is_composed(written: str) -> None:
    composed = unicodedata.normalize("NFC", written)
    most = 256 // len(composed.encode())

    assert check_id("user_id", written * most) == composed * most
    with pytest.raises(InvalidIdentity):
        check_id("user_id", written * (most + 1))


def test_what_is_too_long_is_refused_and_not_cut() -> None:
    """400 characters, of which composing would leave 200."""
    with pytest.raises(InvalidIdentity):
        check_id("user_id", "e\u0301" * 200)


def test_ids_that_only_look_alike_are_two() -> None:
    assert check_id("user_id", "\u0430") != check_id("user_id", "a")
    assert check_id("user_id", "\uff41") == "\uff41"  # NFC, not NFKC


IDS = st.text("a/|'\\+é", min_size=1, max_size=20)


@given(IDS, IDS, st.sampled_from(UserType))
def test_people_and_sessions_are_read_as_they_were_written(
    first: str, second: str, user_type: UserType
) -> None:
    person, session = Person(user_type, first), SessionRef(first, second)

    assert Person.read(str(person)) == person
    assert SessionRef.read(str(session)) == session


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Anna", "Anna"),
        ("  Anna \t\n Berg ", "Anna Berg"),
        ("Rene\u0301e", "Ren\u00e9e"),
        ("\u5c71\u7530\u3000\u592a\u90ce", "\u5c71\u7530 \u592a\u90ce"),  # an ideographic space
        (
            "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
            "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        ),
        ("a\u202eb\x00c\ud800", "abc"),
        ("a \u200b b", "a b"),
        ("e\u200b\u0301", "\u00e9"),
        ("x" * 101, "x" * 100),
        ("x" * 99 + " y", "x" * 99),
        ("", ""),
        (" \u200d\u200b ", ""),
        (None, ""),
        (7, ""),
        (["Anna"], ""),
    ],
)
def test_a_name_is_shown_as_far_as_it_can_be(name: object, shown: str) -> None:
    assert shown_name(name) == shown


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_name_that_is_shown_is_shown_the_same_again(name: str) -> None:
    shown = shown_name(name)

    assert shown_name(shown) == shown
    assert len(shown) <= 100
    assert shown == unicodedata.normalize("NFC", shown).strip()


@pytest.mark.parametrize(
    "avatar",
    [
        *("https://a", "https://[::1]/a.png", "https://a/" + "x" * 502),
        "https://img.example.com:8443/a%20b/c.png?s=1&d=(x)#f",
    ],
)
def test_an_avatar_is_an_address(avatar: str) -> None:
    assert shown_avatar(avatar) == avatar


@pytest.mark.parametrize(
    "avatar",
    [
        *("", "http://a/b", "HTTPS://a/b", "https://", "https:///a", "https://?a", "//a/b"),
        *("https://a/b c", "https://a/b\n", "https://\u00e9.example.com", 'https://a/"onload="x'),
        *("javascript:alert(1)", "data:image/png;base64,AA", " https://a", "https://a/<b>"),
        *("https://a/" + "x" * 503, None, 7, ["https://a"]),
    ],
)
def test_nothing_else_is_shown_as_an_avatar(avatar: object) -> None:
    assert shown_avatar(avatar) == ""


@pytest.mark.parametrize("kind", ["customer", "agent", "admin"])
def test_the_three_user_types(kind: str) -> None:
    identity = Identity.parse("s", "u", kind)

    assert identity.user_type is UserType(kind)
    assert identity.person == Person(UserType(kind), "u")


@pytest.mark.parametrize("kind", ["Customer", "", None, "root"])
def test_no_other_user_type(kind: object) -> None:
    with pytest.raises(InvalidIdentity, match="customer, agent or admin"):
        Identity.parse("s", "u", kind)


def test_no_blank_but_one_is_printable() -> None:
    """What is refused by name is all that ``str.isprintable`` lets through."""
    printable = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isprintable()]

    assert [char for char in printable if char.isspace()] == [" "]

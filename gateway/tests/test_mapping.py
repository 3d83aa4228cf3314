"""Mapping templates and JSON paths."""

import pytest

from apigw_local.core.mapping import CannotEvaluate, check, rendered
from apigw_local.core.routing import select_route, unread_paths

EVENT = {
    "requestContext": {"connectionId": "abc=", "authorizer": {"tenant": "acme"}, "routeKey": "say"},
    "stageVariables": {"colour": "blue"},
    "body": '{"action": "say", "a": {"b": [1, "q\\"z"]}, "to": "it\'s"}',
}


@pytest.mark.aws("ms-aws")
@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ('{"id": "$context.connectionId"}', '{"id": "abc="}'),
        ("${context.authorizer.tenant}x", "acmex"),
        ("$!context.authorizer.tenant.", "acme."),
        ("$context.nothing", ""),
        ("$stageVariables.colour and ${stageVariables['colour']}", "blue and blue"),
        ("$input.body", EVENT["body"]),
        ("$input.json('$.a')", '{"b": [1, "q\\"z"]}'),
        ('$input.json("$.action")', '"say"'),
        ("$input.path('$.action')", "say"),
        ("$input.path('$.a.b[0]')", "1"),
        ("$input.path('$').a.b[1]", 'q"z'),
        ("$input.path('$.nothing')", ""),
        ("$util.escapeJavaScript($input.path('$.to'))", "it\\'s"),
        ("$util.escapeJavaScript($input.json('$.a.b')).", '[1, \\"q\\\\\\"z\\"].'),
        ("$util.base64Encode('hi')", "aGk="),
        ("$util.base64Decode('aGk=')", "hi"),
        ("$util.urlEncode($context.connectionId)", "abc%3D"),
        ("$util.urlDecode('a%3Db')", "a=b"),
        ("$5, #channel and $other.thing", "$5, #channel and $other.thing"),
    ],
)
def test_what_a_template_puts_into_its_text(template: str, text: str) -> None:
    assert rendered(template, EVENT) == text


@pytest.mark.parametrize(
    "template",
    [
        "#set($a = 1)",
        "#if($context.connectionId)x#end",
        "## a comment",
        "$input.params('a')",
        "$input.json($context.routeKey)",
        "$input.json('$.a[*]')",
        "$util.parseJson($input.body)",
        "$util.base64Encode($other)",
        "${context.routeKey",
        "$context",
    ],
)
def test_what_is_not_evaluated_is_said(template: str) -> None:
    with pytest.raises(CannotEvaluate, match=r"is not evaluated here|is no path"):
        check(template)


@pytest.mark.aws("ms-path")
@pytest.mark.parametrize(
    ("expression", "key"),
    [
        ("$request.body.items[0].kind", "first"),
        ("$request.body.items[1]['a kind']", "second"),
        ("$request.body['the action']", "act"),
        ('$request.body["the action"]', "act"),
        ("${request.body['the action']}/${request.body.items[0].kind}", "act/first"),
        ("$request.body.items[9].kind", ""),
        ("$request.body.items.kind", ""),
        ("$request.body['the action'][0]", ""),
        ("$request.body.items[*].kind", ""),
        ("$request.body..kind", ""),
    ],
)
def test_a_route_is_selected_by_a_json_path(expression: str, key: str) -> None:
    body = '{"the action": "act", "items": [{"kind": "first"}, {"a kind": "second"}]}'
    assert select_route(expression, body) == key


@pytest.mark.aws("ms-path")
def test_a_route_is_selected_by_an_item_of_a_list() -> None:
    assert select_route("$request.body[2]", '["a", "b", "c"]') == "c"


def test_paths_that_are_never_found_are_known() -> None:
    assert unread_paths("$request.body.items[*].kind") == [".items[*].kind"]
    assert unread_paths("${request.body.a}/${request.body.b[?(@.c)]}") == [".b[?(@.c)]"]
    assert unread_paths("$request.body['the action'].b[0]") == []
    assert unread_paths("constant") == []

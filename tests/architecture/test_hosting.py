"""What CloudFront would serve (WebHosting): addresses, headers, and which files."""

import json
import re
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from tests.running_gateway import ROOT

Resources = dict[str, Any]


def function(resources: Resources, name: str) -> Any:
    """The code of a function that CloudFront runs."""
    return resources[name]["Properties"]["FunctionCode"]


def distribution(resources: Resources) -> dict[str, Any]:
    config: dict[str, Any] = resources["Web"]["Properties"]["DistributionConfig"]
    return config


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/ws/s%201/customer_1/customer", ["s%201", "customer_1", "customer"]),
        ("/ws/s1/customer_1/customer/more/", ["s1", "customer_1", "customer"]),
        ("/ws/s1", ["s1"]),
        ("/ws/", []),
        ("/ws", []),
    ],
)
def test_the_older_form_of_the_address_becomes_the_query_form(
    resources: Resources, path: str, told: list[str]
) -> None:
    code = function(resources, "PathForm")["Fn::Sub"].replace("${Stage}", "live")
    (pattern,) = (
        behaviour["PathPattern"]
        for behaviour in distribution(resources)["CacheBehaviors"]
        if behaviour["TargetOriginId"] == "sockets"
    )
    assert fnmatchcase(path, pattern)
    request = {"uri": path, "querystring": {"token": {"value": "t"}}}
    names = ("session_id", "user_id", "user_type")
    values = {name: {"value": value} for name, value in zip(names, told, strict=False)}
    assert handled(code, request) == {
        "uri": "/live",
        "querystring": {"token": {"value": "t"}, **values},
    }


def handled(code: str, request: dict[str, Any]) -> Any:
    """What a function of CloudFront makes of a request."""
    program = f"{code}\nconsole.log(JSON.stringify(handler({{request: {json.dumps(request)}}})))"
    done = subprocess.run(["node", "-e", program], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/desk/", "/desk/index.html"),
        ("/desk/desk.js", "/desk/desk.js"),
        ("/hadir-chat.js", "/hadir-chat.js"),
    ],
)
def test_a_folder_is_its_index_document(resources: Resources, path: str, file: str) -> None:
    request = {"uri": path, "querystring": {}}
    assert handled(for_files(resources), request) == {**request, "uri": file}


@pytest.mark.parametrize("path", ["/", "/desk"])
def test_the_desk_is_where_the_address_leads(resources: Resources, path: str) -> None:
    """With a slash, or its files would be looked for beside it."""
    answer = handled(for_files(resources), {"uri": path, "querystring": {}})
    assert (answer["statusCode"], answer["headers"]) == (302, {"location": {"value": "/desk/"}})


def for_files(resources: Resources) -> Any:
    """The code that each request for a file goes through."""
    behaviour = distribution(resources)["DefaultCacheBehavior"]
    assert behaviour["TargetOriginId"] == "files"
    (associated,) = behaviour["FunctionAssociations"]
    assert associated["EventType"] == "viewer-request"
    return function(resources, associated["FunctionARN"]["Fn::GetAtt"][0])


def test_what_is_copied_is_what_the_desk_and_the_widget_need() -> None:
    """And no page of the demo. Of aws s3 sync's filters, the last one that fits counts."""
    text = (ROOT / "docs" / "operate.md").read_text()
    filters = re.findall(r"--(exclude|include) '([^']+)'", text)
    web = ROOT / "web"

    def is_copied(name: str) -> bool:
        *_, verdict = (kind for kind, pattern in filters if fnmatchcase(name, pattern))
        return bool(verdict == "include")

    files = {str(path.relative_to(web)) for path in web.rglob("*") if path.is_file()}
    copied = {name for name in files if is_copied(name)}
    kinds = {f"desk/*{ending}" for ending in (".html", ".css", ".js")} | {"widget/*.js"}
    wanted = {name for name in files if any(fnmatchcase(name, kind) for kind in kinds)}
    assert len(wanted) > 20
    assert copied >= wanted | {"hadir-chat.js", "hadir.js", "watcher.js"}
    assert {Path(name).suffix for name in copied} == {".js", ".css", ".html"}
    pages = {name for name in copied if name.endswith(".html")}
    assert pages == {"desk/index.html"}
    assert not any(name.startswith(("shop/", "stage/")) for name in copied)


def test_any_site_may_load_the_widget_and_no_page_loads_what_is_not_hosted(
    resources: Resources,
) -> None:
    web = distribution(resources)["DefaultCacheBehavior"]
    assert web["ResponseHeadersPolicyId"] == {"Ref": "WebHeaders"}
    policy = resources["WebHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]

    cors = policy["CorsConfig"]
    assert cors["AccessControlAllowOrigins"] == {"Items": ["*"]}
    assert cors["AccessControlAllowCredentials"] is False
    assert cors["AccessControlAllowMethods"] == {"Items": ["GET", "HEAD"]}

    headers = policy["SecurityHeadersConfig"]
    assert all(each["Override"] for each in headers.values())
    assert headers["ContentTypeOptions"]
    assert headers["FrameOptions"]["FrameOption"] == "SAMEORIGIN"
    assert headers["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000
    content = headers["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    rules = dict(rule.split(" ", 1) for rule in content.split("; "))
    assert rules["default-src"] == "'none'"
    for kind in ("script-src", "style-src", "connect-src", "frame-ancestors"):
        assert rules[kind] == "'self'"
    assert rules["require-trusted-types-for"] == "'script'"

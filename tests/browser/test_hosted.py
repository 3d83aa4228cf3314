"""The desk under the headers with which CloudFront serves it (WebHosting)."""

from playwright.sync_api import BrowserContext, Route, expect

from apigw_local.template.document import read
from tests.browser.desks import customer, desk, open_row, pane
from tests.running_gateway import ROOT, AnyGateway
from tests.system.people import new_session


def policy() -> str:
    """The pages' Content-Security-Policy."""
    resources = read(ROOT / "template.yaml")["Resources"]
    config = resources["WebHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    written: str = config["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    return written


def test_the_desk_keeps_to_the_policy_of_its_host(
    context: BrowserContext, hadir: AnyGateway
) -> None:
    # There sockets have the page's own address; here they have another port.
    kept = policy().replace("connect-src 'self'", f"connect-src 'self' {hadir.ws}")

    def answer(route: Route) -> None:
        response = route.fetch()
        route.fulfill(
            response=response, headers={**response.headers, "Content-Security-Policy": kept}
        )

    context.route("**/desk/*", answer)
    context.grant_permissions(["local-network-access"])  # whence an answer of ours is, is not known
    context.add_init_script(
        "window.broken = []; addEventListener('securitypolicyviolation', (event) =>"
        " broken.push(event.violatedDirective + ' ' + event.blockedURI));"
    )
    session = new_session()
    with customer(hadir, session):
        page = desk(context, hadir, session)

        open_row(page, "anna")

        expect(pane(page).get_by_text("Socket open")).to_be_visible()
        assert page.evaluate("broken") == []

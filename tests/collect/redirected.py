"""Clients that speak https to their vendor's hosts only, sent to this machine instead."""

from typing import Any


def session_to(url: str) -> Any:
    """A session of `requests` whose every request goes to an address of this machine."""
    import requests
    from requests.adapters import HTTPAdapter

    class Redirected(HTTPAdapter):
        def send(self, request: Any, **given: Any) -> Any:
            _, _, path = request.url.removeprefix("https://").partition("/")
            here = request.copy()
            here.url = f"{url}/{path}"
            response = super().send(here, **given)
            # It believes that it spoke to its vendor.
            response.request = request
            return response

    session = requests.Session()
    session.mount("https://", Redirected())
    return session

"""The tracking API: what the libraries of Segment and RudderStack send, taken in unchanged.

Requests come in over HTTP; their events leave, durable, on the log. The path is short because
every page view takes it: a plain ASGI callable and msgspec, no framework. What a request is for
says `paths`, whose it is `credentials` and `known`, what it holds `body` and `payload`;
`pace` and `commits` say when it has to wait; webhooks of systems are for `hooks`; `face` puts them
together.
"""

from vocative.collect.tracking.face import TrackingFace
from vocative.collect.tracking.links import MadeLink, make_link

__all__ = ["MadeLink", "TrackingFace", "make_link"]

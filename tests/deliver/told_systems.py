"""Systems that destinations tell, on this machine: each knows its vendor's addresses and shapes."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import unquote

from scripted_server import Asked, ScriptedServer, Told, scripted_server
from vocative.collect.sources._http import Http, Patience, connect
from vocative.deliver.destinations._hashed import hashed_email, hashed_email_for_google
from vocative.deliver.destinations.base import Change

KEY = "0123456789abcdef0123-us21"
"""A secret of each."""
IMPATIENT = Patience(attempts=1)
Person = dict[str, Any]


def local(url: str) -> Callable[..., Http]:
    """Connects to a server on this machine with the path that a destination names."""

    def opened(named: str, *, per_second: float | None = None, **more: Any) -> Http:
        _, _, rest = named.partition("://")
        _, slash, path = rest.partition("/")
        return connect(f"{url}{slash}{path}", **{"patience": IMPATIENT, **more})

    return opened


@dataclass
class System:
    """What one knows, and how it behaves."""

    people: dict[str, Person] = field(default_factory=dict)
    """By address, or by whatever it finds people by."""
    bad: set[str] = field(default_factory=set)
    """Whom it refuses."""
    always: Told | None = None
    """What it answers whatever is asked."""
    gone: list[str] = field(default_factory=list)
    """Who was deleted."""

    def answer(self, asked: Asked) -> Told:
        if self.always is not None:
            return self.always
        told = self.reply(asked, _json(asked))
        return told if told is not None else Told(404, json={"message": "no such address"})

    def reply(self, asked: Asked, body: Any) -> Told | None:
        raise NotImplementedError

    def held(self, change: Change) -> Mapping[str, Any] | None:
        return self.people.get(change.email or "")

    def forget(self, known_by: str) -> bool:
        self.gone.append(known_by)
        return self.people.pop(known_by, None) is not None

    def trouble(self, status: int, body: bytes) -> None:
        self.always = Told(status, body=body)


def _json(asked: Asked) -> Any:
    return json.loads(asked.body) if asked.body[:1] in (b"{", b"[") else None


@contextmanager
def served(system: System) -> Iterator[ScriptedServer]:
    """Serve a system until the block ends."""
    with scripted_server(system.answer) as server:
        yield server


class Mailchimp(System):
    """https://mailchimp.com/developer/marketing/api/list-members/"""

    def reply(self, asked: Asked, body: Any) -> Told | None:
        pair = base64.b64encode(f"vocative:{KEY}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            return Told(401, json={"title": "API Key Invalid"})
        match asked.path.strip("/").split("/"):
            case ["3.0", "lists", "abc123"]:
                return Told(json={"id": "abc123"})
            case ["3.0", "lists", "abc123", "members", known_as, *more]:
                return self._member(asked.method, known_as, more, body)
        return None

    def _member(self, method: str, known_as: str, more: list[str], body: Any) -> Told | None:
        by_hash = {hashlib.md5(one.encode()).hexdigest(): one for one in self.people}
        email = by_hash.get(known_as)
        if method == "PUT" and not more:
            if body["email_address"] in self.bad:
                return Told(400, json={"title": "Member In Compliance State"})
            assert body["status_if_new"] == "subscribed"
            assert "status" not in body
            email = body["email_address"]
            self.people.setdefault(email, {})
        if email is None:
            return None
        person = self.people[email]
        match (method, more):
            case ("PUT" | "PATCH", []):
                person |= body["merge_fields"]
            case ("POST", ["tags"]):
                person |= {tag["name"]: tag["status"] == "active" for tag in body["tags"]}
            case ("POST", ["actions", "delete-permanent"]):
                self.forget(email)
            case _:
                return None
        return Told(json={"id": known_as})


class Klaviyo(System):
    """https://developers.klaviyo.com/en/reference/create_or_update_profile"""

    def reply(self, asked: Asked, body: Any) -> Told | None:
        if asked.headers.get("authorization") != f"Klaviyo-API-Key {KEY}":
            return Told(401, json={"errors": [{"detail": "not authenticated"}]})
        if asked.method == "GET":
            return Told(json={"data": []}) if asked.path == "/api/profiles" else None
        if asked.headers["content-type"] != "application/vnd.api+json":
            return Told(415, json={"errors": [{"detail": "wrong media type"}]})
        data = body["data"]
        attributes = data["attributes"]
        match (asked.path, data["type"]):
            case ("/api/profile-import", "profile"):
                email = attributes["email"]
                if email in self.bad:
                    said = f"Invalid email address: {email}"
                    return Told(400, json={"errors": [{"detail": said}]})
                person = self.people.setdefault(email, {})
                person |= attributes["properties"]
                for name in data.get("meta", {}).get("patch_properties", {}).get("unset", []):
                    person.pop(name, None)
                return Told(201, json={"data": {"type": "profile", "id": "01"}})
            case ("/api/data-privacy-deletion-jobs", "data-privacy-deletion-job"):
                self.forget(attributes["profile"]["data"]["attributes"]["email"])
                return Told(202)
        return None


class Braze(System):
    """https://www.braze.com/docs/api/endpoints/user_data/post_user_track/"""

    def reply(self, asked: Asked, body: Any) -> Told | None:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Told(401, json={"message": "Invalid API Key"})
        match asked.path:
            case "/users/track":
                return self._track(body["attributes"])
            case "/users/delete":
                for one in body["email_addresses"]:
                    assert one["prioritization"]
                    self.forget(one["email"])
                return Told(201, json={"message": "success"})
        return None

    def _track(self, attributes: list[dict[str, Any]]) -> Told:
        assert len(attributes) <= 75
        errors = []
        for index, stated in enumerate(attributes):
            email = stated["email"]
            if email in self.bad:
                error = {"type": "The email is invalid", "input_array": "attributes"}
                errors.append({**error, "index": index})
            elif email in self.people or not stated.get("_update_existing_only"):
                known = {name: value for name, value in stated.items() if name[0] != "_"}
                del known["email"]
                self.people.setdefault(email, {}).update(known)
        told = {"message": "success", "attributes_processed": len(attributes) - len(errors)}
        return Told(201, json={**told, "errors": errors} if errors else told)


class SendGrid(System):
    """https://www.twilio.com/docs/sendgrid/api-reference/contacts"""

    fields: ClassVar = {"score": "e1_N", "vip": "e2_T"}

    def reply(self, asked: Asked, body: Any) -> Told | None:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Told(401, json={"errors": [{"message": "authorization required"}]})
        match (asked.method, asked.path.removeprefix("/v3/marketing/")):
            case ("GET", "field_definitions"):
                named = [{"id": one, "name": name} for name, one in self.fields.items()]
                return Told(json={"custom_fields": named})
            case ("PUT", "contacts"):
                if any(one["email"] in self.bad for one in body["contacts"]):
                    return Told(400, json={"errors": [{"message": "invalid email"}]})
                for one in body["contacts"]:
                    self._put(one)
                return Told(202, json={"job_id": "1"})
            case ("POST", "contacts/search/emails"):
                found = {
                    email: {"contact": {"id": f"id-{email}"}}
                    for email in body["emails"]
                    if email in self.people
                }
                return Told(json={"result": found}) if found else None
            case ("DELETE", "contacts"):
                for one in asked.query["ids"].split(","):
                    self.forget(one.removeprefix("id-"))
                return Told(202, json={"job_id": "2"})
        return None

    def _put(self, contact: dict[str, Any]) -> None:
        names = {one: name for name, one in self.fields.items()}
        custom = contact.pop("custom_fields", {})
        person = self.people.setdefault(contact.pop("email"), {})
        person |= {**contact, **{names[one]: value for one, value in custom.items()}}


class HubSpot(System):
    """https://developers.hubspot.com/docs/api-reference/crm-contacts-v3"""

    properties = ("first_name", "score", "vip")

    def reply(self, asked: Asked, body: Any) -> Told | None:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Told(401, json={"message": "Authentication credentials not found"})
        match asked.path.removeprefix("/crm/v3/").split("/"):
            case ["properties", "contacts"]:
                return Told(json={"results": [{"name": name} for name in self.properties]})
            case ["objects", "contacts", "batch", "upsert"]:
                return self._upsert(body["inputs"])
            case ["objects", "contacts", "gdpr-delete"]:
                assert body["idProperty"] == "email"
                return Told(204) if self.forget(body["objectId"]) else None
            case ["objects", "contacts", email] if asked.method == "PATCH":
                assert asked.query == {"idProperty": "email"}
                if (person := self.people.get(unquote(email))) is None:
                    return None
                person |= body["properties"]
                return Told(json={"id": "1"})
        return None

    def _upsert(self, inputs: list[dict[str, Any]]) -> Told:
        assert len(inputs) <= 100
        good = [one for one in inputs if one["id"] not in self.bad]
        for one in good:
            assert one["idProperty"] == "email"
            self.people.setdefault(one["id"], {}).update(one["properties"])
        results = [{"id": "1", "properties": one["properties"]} for one in good]
        if len(good) == len(inputs):
            return Told(json={"status": "COMPLETE", "results": results})
        errors = [{"status": "error", "category": "VALIDATION_ERROR", "message": "bad email"}]
        return Told(207, json={"status": "COMPLETE", "results": results, "errors": errors})


class CustomerIo(System):
    """https://docs.customer.io/integrations/api/track/#tag/Track-v2/operation/batch"""

    def reply(self, asked: Asked, body: Any) -> Told | None:
        pair = base64.b64encode(f"site:{KEY}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {pair}":
            return Told(401, json={"meta": {"error": "Unauthorized request"}})
        if asked.path == "/api/v1/accounts/region":
            return Told(json={"region": "us"})
        if asked.path != "/api/v2/batch":
            return None
        errors = []
        for index, one in enumerate(body["batch"]):
            email = one["identifiers"]["email"]
            if email in self.bad:
                why = {"reason": "invalid", "field": "email", "message": f"{email} is wrong"}
                errors.append({"batch_index": index, **why})
            elif one["action"] == "delete":
                self.forget(email)
            else:
                self.people.setdefault(email, {}).update(one["attributes"])
        return Told(207, json={"errors": errors}) if errors else Told(json={})


class SalesforceMarketing(System):
    """The data extension `people`, by its primary key."""

    def reply(self, asked: Asked, body: Any) -> Told | None:
        if asked.path == "/v2/token":
            if body["client_secret"] != KEY:
                return Told(401, json={"error": "invalid_client"})
            token = {"access_token": "token-of-an-hour", "expires_in": 1080}
            return Told(
                json={**token, "rest_instance_url": "https://tenant.rest.marketingcloudapis.com/"}
            )
        if asked.headers.get("authorization") != "Bearer token-of-an-hour":
            return Told(401, json={"message": "Not Authorized"})
        match asked.path:
            case "/hub/v1/dataevents/key:people/rowset":
                if any(one["values"]["EmailAddress"] in self.bad for one in body):
                    return Told(400, json={"message": "Unable to save rows"})
                for one in body:
                    key = one["keys"]["SubscriberKey"]
                    values = dict(one["values"])
                    values.pop("EmailAddress")
                    self.people.setdefault(key, {}).update(values)
                return Told(json=body)
            case "/contacts/v1/contacts/actions/delete":
                assert body["DeleteOperationType"] == "ContactAndAttributes"
                for key in body["values"]:
                    self.forget(key)
                return Told(json={"operationInitiated": True})
        return None

    def held(self, change: Change) -> Mapping[str, Any] | None:
        return self.people.get(change.person_id)


class Meta(System):
    """https://developers.facebook.com/docs/marketing-api/reference/custom-audience/users/"""

    def reply(self, asked: Asked, body: Any) -> Told | None:
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Told(401, json={"error": {"message": "Invalid OAuth access token."}})
        if asked.path == "/v23.0/77":
            return Told(json={"id": "77"})
        if asked.path != "/v23.0/77/users":
            return None
        assert body["payload"]["schema"] == ["EMAIL", "PHONE"]
        rows = body["payload"]["data"]
        invalid = [email for email, _ in rows if email in self.bad]
        for email, phone in rows:
            if asked.method == "DELETE":
                self.forget(email)
            elif email not in invalid:
                self.people[email] = {}
                assert phone == "" or len(phone) == 64
        return Told(json={"num_received": len(rows), "num_invalid_entries": len(invalid)})

    def held(self, change: Change) -> Mapping[str, Any] | None:
        return self.people.get(hashed_email(change.email or ""))


class Google(System):
    """https://developers.google.com/data-manager/api/reference/rest/v1/audienceMembers/ingest"""

    def reply(self, asked: Asked, body: Any) -> Told | None:
        if asked.path == "/token":
            return Told(json={"access_token": KEY, "expires_in": 3600})
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return Told(401, json={"error": {"message": "unauthenticated"}})
        assert body["encoding"] == "HEX"
        assert body["destinations"][0]["productDestinationId"] == "99"
        members = [one["userData"]["userIdentifiers"][0] for one in body["audienceMembers"]]
        hashes = [one["emailAddress"] for one in members]
        if body["validateOnly"]:
            return Told(json={"requestId": "r"})
        match asked.path:
            case "/v1/audienceMembers:ingest":
                assert body["consent"]["adUserData"] == "CONSENT_GRANTED"
                if self.bad & {*hashes}:
                    return Told(400, json={"error": {"message": "invalid identifier"}})
                self.people |= {one: {} for one in hashes}
            case "/v1/audienceMembers:remove":
                for one in hashes:
                    self.forget(one)
            case _:
                return None
        return Told(json={"requestId": "r"})

    def held(self, change: Change) -> Mapping[str, Any] | None:
        return self.people.get(hashed_email_for_google(change.email or ""))

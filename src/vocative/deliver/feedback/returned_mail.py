"""Mails that come back, read into reports: what became of which message, and why.

In: the bytes of one mail at the address that bounces go to. Out: a `Report` for each recipient it
speaks of. Delivery reports (RFC 3464, RFC 6533) and feedback reports (RFC 5965) are read by their
fields; mails of servers that write for people, by their words; automatic replies (RFC 3834) and
challenges are told apart, so that nobody on holiday counts as gone.

Any mail gets an answer and none raises: strangers write to this address, too.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email import policy
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser, HeaderParser
from typing import Literal

import msgspec

from vocative.deliver.feedback.replies import Finding, classify, status_in

Kind = Literal["hard", "soft", "block", "delayed", "complaint", "auto_reply", "challenge", "other"]
MAX_BYTES = 1_000_000
"""How much of a mail is read; reports stand at its beginning."""
MAX_RECIPIENTS = 100


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one mail or call says of one message to one recipient."""

    kind: Kind
    reason: str
    """Of a bounce one of `replies.Reason`; of a complaint its feedback type."""
    rule: str
    """What said so: `words:…`, `status:…`, `field:…`, `header:…`."""
    recipient: str | None = None
    """The address it is about. Personal: for comparing only."""
    message_id: str | None = None
    """Ours, if it is told."""
    status: str | None = None
    at: datetime | None = None
    """When it happened, if it is told; mails do not tell it reliably."""


_OUR_ID = re.compile(
    r"(?:message-id|references|in-reply-to)\s*:[^\n]*?<([0-9a-f]{32})@", re.IGNORECASE
)
_OUR_VERP = re.compile(r"\+([0-9a-f]{32})@", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>\"'(),;:\[\]]+@[^\s<>\"'(),;:\[\]]+[^\s<>\"'(),;:.\[\]]")
_DAEMON = re.compile(
    r"mailer-?daemon|post_?master|mail delivery|mail ?system|delivery sub ?system|system admin"
    r"|no-?reply@.*amazon|administrator|mailmaster|amavis",
    re.IGNORECASE,
)
_BOUNCE_SUBJECT = re.compile(
    r"undeliver|deliver\w* (?:status|fail|report|problem|notif|error)|failure notice|returned mail"
    r"|mail (?:system )?(?:delivery|failure|error)|non-?deliver|could not (?:be )?(?:send|deliver)"
    r"|not delivered|mail delivery|delivery (?:has )?failed|warning: |loop alert|postmaster notify"
    r"|errors from|message delivery|nondeliver|unzustellbar|returning message",
    re.IGNORECASE,
)
_BOUNCE_WORDS = re.compile(
    r"(?:could|can|was|were|is|did|has|have) ?n(?:o|')t (?:be )?(?:been )?(?:deliver|reach|sent)"
    r"|undeliver|delivery (?:has )?fail|permanent (?:fatal )?error|had (?:permanent|delivery)"
    r"|did not reach|returned to sender|following (?:address|recipient)|unable to deliver",
    re.IGNORECASE,
)
_AUTO_SUBJECT = re.compile(
    r"^\s*(?:re: ?)?(?:auto(?:matic|mated)?[- _]?(?:reply|response|respond\w*|answer)?\s?:"
    r"|auto(?:matic|mated)?[- _]?(?:reply|response|answer)|out of (?:the )?office|vacation"
    r"|away from"
    r"|on (?:vacation|holiday|leave)|absen[ct]|abwesen|r.ponse automatique|respuesta autom"
    r"|automatische (?:antwort|beantwoording)|i am (?:away|on))",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"(?:confirm|verify|prove) (?:that )?(?:you|your (?:message|mail|e-?mail|address|identity))\b"
    r".{0,80}|verification (?:required|request)|waiting for your confirmation|spam ?arrest|boxbe"
    r"|click .{0,40}to (?:deliver|release|confirm) your|challenge.?response|sender verification",
    re.IGNORECASE | re.DOTALL,
)
_DELAYED = re.compile(
    r"has been delayed|is delayed for|warning message only|will be retried"
    r"|message still undelivered"
    r"|\(delay\)|could not send message for past|: delayed|temporary failure report",
    re.IGNORECASE,
)
# Below one of these lines stands the message that came back, or what its server did before.
_ORIGINAL = re.compile(
    r"^(?:[-_= ]{2,}.*(?:copy of (?:the|your) message|original (?:message|mail)|returned message"
    r"|unsent message|message (?:header|content|follows)|the headers? of|enclosed is"
    r"|below this line)"
    r".*|original (?:message|mail) (?:follows|as follows).*|message headers? follow.*"
    r"|(?:below|included|enclosed) is a copy of .*|.*unsent message (?:follows|below).*"
    r"|-{20,}\s*\n(?=received:|return-path:|from ).*|[-> ]*received:\s?(?:from|by) .*"
    r"|return-path: .*|[-= ]*original message[-=: ]*|.*the header of the original message.*)$",
    re.IGNORECASE | re.MULTILINE,
)
_BOILERPLATE = re.compile(
    r"this (?:is a|has been a) permanent (?:error|failure)|i've given up|do not need to re-?send"
    r"|no further delivery attempts|will not try to redeliver|try again|this is an? (?:automat"
    r"|warn)"
    r"\w*|permanent fatal errors?|bad addresses|please try sending|delivery problems"
    r"|mail system error"
    r"|i'm not going to try again; this message has been in the queue too long"
    r"|in the queue|message will be retried|is kept in the queue|you need assistance",
    re.IGNORECASE,
)
_AT_DATA = re.compile(
    r"in reply to end of data|after end of data|after data|>>> data\b|command:?\s+data\b"
    r"|final data:?"
    r"|data command|\(text command\)|for text command|end of message",
    re.IGNORECASE,
)
_AT_RCPT = re.compile(r"rcpt to", re.IGNORECASE)
_AT_MAIL = re.compile(r"(?:after|in reply to|command:?|>>>) mail from", re.IGNORECASE)
_RECEIPT_RULE = re.compile(r"inbound-smtp\.[a-z0-9-]+\.amazonaws", re.IGNORECASE)
_ENTRY = re.compile(r"^[ \t]*<?([^\s<>:;,\"()]+@[^\s<>:;,\"()]+)>?[ \t]*:?(?=\s|$)", re.MULTILINE)


def read_returned(raw: bytes) -> list[Report]:
    """What a mail that came back says.

    Args:
        raw: The whole mail; what is beyond `MAX_BYTES` is not looked at.

    Returns:
        A report per recipient; one of kind `other` when it says nothing of a delivery. Reports of
        successful deliveries give none.
    """
    try:
        return _reports(raw[:MAX_BYTES])
    except RecursionError:  # parts within parts within parts: no server writes that
        return [Report(kind="other", reason="other", rule="nested_too_deeply")]


def _reports(raw: bytes) -> list[Report]:
    mail = _parsed(raw)
    parts = _Parts(mail)
    if parts.feedback is None and not parts.status_groups:
        mail, parts = _passed_on(parts) or (mail, parts)
    message_id = _our_id(raw, parts)
    reports = _read(mail, parts)
    return [msgspec.structs.replace(one, message_id=message_id) for one in reports[:MAX_RECIPIENTS]]


def _parsed(raw: bytes) -> Message:
    return BytesParser(policy=policy.compat32).parsebytes(raw)


def _passed_on(parts: "_Parts") -> "tuple[Message, _Parts] | None":
    """A report that somebody forwarded as a whole."""
    for text in parts.inner[:3]:
        mail = _parsed(text.encode("utf-8", "replace"))
        inside = _Parts(mail)
        if inside.status_groups or inside.feedback is not None:
            return mail, inside
    return None


def _read(mail: Message, parts: "_Parts") -> list[Report]:
    if parts.feedback is not None:
        return [_complaint(parts.feedback, parts)]
    groups = parts.status_groups or list(_groups(parts.text, needs="recipient"))
    if groups:
        return list(_by_fields(groups, parts))
    found = _complaint_in_words(mail, parts)
    if found is not None:
        return [found]
    subject, sender = _header(mail, "Subject"), _header(mail, "From")
    daemon = bool(
        _DAEMON.search(sender) or mail["X-Failed-Recipients"] or _BOUNCE_SUBJECT.search(subject)
    )
    return (
        [_answer(mail, subject, parts)]
        if not daemon and _is_answer(mail, subject, parts)
        else _in_words(mail, subject, parts, sure=daemon)
    )


class _Parts:
    """The pieces of a mail that say something."""

    def __init__(self, mail: Message) -> None:
        texts: list[str] = []
        pages: list[str] = []
        originals: list[str] = []
        self.status_groups: list[Message] = []
        self.feedback: Message | None = None
        for part in _walk(mail):
            kind = part.get_content_type()
            if kind.endswith("delivery-status"):
                self.status_groups += _groups(_fields_text(part), needs="any")
            elif kind == "message/feedback-report":
                self.feedback = next(_groups(_fields_text(part), needs="any"), self.feedback)
            elif kind.startswith("message/") or kind.endswith("rfc822-headers"):
                originals.append(_fields_text(part))
            elif kind == "text/html":
                pages.append(re.sub(r"<[^>]{0,2000}>", " ", _decoded(part)))
            elif kind.startswith("text/") or part is mail:
                texts.append(_decoded(part))
        if not any(text.strip() for text in texts):
            texts = pages
        told, beyond = _cut("\n".join(texts))
        reporter = str(next((one["Reporting-MTA"] for one in self.status_groups), ""))
        self.by_rule = bool(_RECEIPT_RULE.search(reporter))
        self.status_groups = [
            group for group in self.status_groups if group["Action"] or group["Status"]
        ]
        self.text = told
        self.original = "\n".join([*originals, beyond])
        self.inner = originals


def _walk(mail: Message) -> Iterator[Message]:
    """The parts of a mail, without those of mails inside."""
    waiting, seen = [mail], 0
    while waiting and seen < 100:
        part = waiting.pop(0)
        seen += 1
        if part.get_content_maintype() == "multipart" and isinstance(part.get_payload(), list):
            waiting = [one for one in part.get_payload() if isinstance(one, Message)] + waiting
        else:
            yield part


def _fields_text(part: Message) -> str:
    """The body of a part that holds fields, whatever the parser has made of it."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return _decoded(part)
    inner = [one.as_bytes() for one in payload if isinstance(one, Message)]
    text = b"\n\n".join(inner).decode("utf-8", "replace")
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding in ("base64", "quoted-printable"):
        # Not allowed there before RFC 6533, and so left alone by the parser.
        encoded = Message()
        encoded["Content-Transfer-Encoding"] = encoding
        encoded.set_payload(text.strip())
        return _decoded(encoded)
    return text


def _decoded(part: Message) -> str:
    body = part.get_payload(decode=True)
    if not isinstance(body, bytes):
        return ""
    try:
        return body.decode(part.get_content_charset() or "utf-8", "replace")
    except (LookupError, ValueError):
        return body.decode("latin-1")


def _header(mail: Message, name: str) -> str:
    value = str(mail.get(name, ""))
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return value


def _cut(text: str) -> tuple[str, str]:
    """What the server says, and what came back with it."""
    text = text.replace("\r\n", "\n")
    found = _ORIGINAL.search(text)
    if found is None or not text[: found.start()].strip():
        return text, ""
    return text[: found.start()], text[found.start() :]


def _groups(text: str, *, needs: Literal["any", "recipient"]) -> Iterator[Message]:
    """Paragraphs of fields, as in a delivery report."""
    for paragraph in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        fields = paragraph.strip("\n")
        if needs == "recipient":
            found = re.search(
                r"^(?:reporting-mta|action|final-recipient)\s*:",
                fields,
                re.IGNORECASE | re.MULTILINE,
            )
            if not (found and re.search(r"^action\s*:", fields, re.IGNORECASE | re.MULTILINE)):
                continue
            fields = fields[found.start() :]
        if fields:
            yield HeaderParser().parsestr(fields)


def _our_id(raw: bytes, parts: _Parts) -> str | None:
    """The id of our message, from what came back of it, or from the address it came back to."""
    places = (parts.original, parts.text, raw.decode("latin-1"))
    unfolded = (re.sub(r"\n[ \t]+", " ", place.replace("\r\n", "\n")) for place in places)
    for place in unfolded:
        found = _OUR_ID.search(place) or _OUR_VERP.search(place)
        if found:
            return found[1].lower()
    return None


def _by_fields(groups: list[Message], parts: _Parts) -> Iterator[Report]:
    for group in groups:
        action = str(group.get("Action", "failed")).strip().lower()
        if action.startswith(("delivered", "relayed", "expanded")):
            continue
        status = status_in(str(group.get("Status", "")))
        found = _of_group(group, status, parts)
        recipient = _recipient(group, "Original-Recipient", "Final-Recipient")
        kind: Kind = "delayed" if action.startswith("delayed") else found.kind
        yield Report(
            kind=kind, reason=found.reason, rule=found.rule, recipient=recipient, status=status
        )


def _of_group(group: Message, status: str | None, parts: _Parts) -> Finding:
    kind, _, said = str(group.get("Diagnostic-Code", "")).partition(";")
    kind = kind.strip().lower()
    said = said or kind
    if kind == "x-unix":
        # A program of the recipient's machine, not its mail server: it speaks of its own files.
        return Finding(kind="soft", reason="system", rule="field:x-unix")
    if parts.by_rule:
        # SES has no mailboxes: whatever the answer says, a rule of the recipient's gave it.
        return Finding(kind="soft", reason="filtered", rule="field:receipt_rule")
    # Fields are written about a recipient; unless told otherwise that is whom the server refused.
    stage = _stage(parts.text) or "rcpt"
    found = classify(said, status=status, stage=stage)
    if _in_so_many_words(found):
        return found
    in_text = classify(_BOILERPLATE.sub(" ", parts.text), status=status, stage=stage)
    return in_text if _in_so_many_words(in_text) and not _certain(status) else found


def _certain(status: str | None) -> bool:
    """Whether a status says more than that something failed."""
    return status is not None and not status.endswith(".0.0") and status[2] != "0"


def _stage(text: str) -> str | None:
    """At which command the answer came, when the report tells."""
    if _AT_RCPT.search(text):
        return "rcpt"
    if _AT_DATA.search(text):
        return "data"
    return "mail" if _AT_MAIL.search(text) else None


def _recipient(fields: Message, *names: str) -> str | None:
    for name in names:
        found = _ADDRESS.search(str(fields.get(name, "")))
        if found:
            return found[0]
    return None


def _in_so_many_words(found: Finding) -> bool:
    return found.rule.startswith("words:")


def _complaint(fields: Message, parts: _Parts) -> Report:
    told = str(fields.get("Feedback-Type", "abuse")).strip().lower()[:40]
    about_spam = told not in ("not-spam", "auth-failure", "opt-out", "opt-out-list")
    recipient = _recipient(fields, "Original-Rcpt-To", "Removal-Recipient", "Original-Recipient")
    if recipient is None:
        to = re.search(r"^to:[^\n]*", parts.original, re.IGNORECASE | re.MULTILINE)
        address = _ADDRESS.search(to[0]) if to else None
        recipient = address[0] if address else None
    kind: Kind = "complaint" if about_spam else "other"
    return Report(kind=kind, reason=told, rule="field:feedback-type", recipient=recipient)


def _complaint_in_words(mail: Message, parts: _Parts) -> Report | None:
    """Complaints without a feedback report."""
    recipient = _recipient(mail, "X-HmXmrOriginalRecipient")
    if recipient is not None:
        return Report(kind="complaint", reason="abuse", rule="header:x-hmxmr", recipient=recipient)
    if re.search(r"this is an? (?:email )?abuse report", parts.text, re.IGNORECASE):
        return Report(kind="complaint", reason="abuse", rule="words:abuse_report")
    return None


def _is_answer(mail: Message, subject: str, parts: _Parts) -> bool:
    """Whether a person's mailbox answers by itself."""
    submitted = str(mail.get("Auto-Submitted", "no")).strip().lower()
    return bool(
        submitted.startswith(("auto-replied", "auto-generated"))
        or mail["X-Autoreply"]
        or mail["X-Autorespond"]
        or mail["X-Auto-Reply"]
        or "auto" in str(mail.get("Precedence", "")).lower()
        or _AUTO_SUBJECT.search(subject)
        or (_CHALLENGE.search(subject + "\n" + parts.text) and not _BOUNCE_WORDS.search(parts.text))
    )


def _answer(mail: Message, subject: str, parts: _Parts) -> Report:
    challenge = _CHALLENGE.search(f"{subject}\n{parts.text[:4_000]}")
    kind: Kind = "challenge" if challenge else "auto_reply"
    rule = "words:challenge" if challenge else "header:automatic"
    return Report(kind=kind, reason=kind, rule=rule, recipient=_recipient(mail, "From"))


def _entries(text: str, own: set[str]) -> list[re.Match[str]]:
    """Where the paragraph of each recipient begins."""
    found: dict[str, re.Match[str]] = {}
    for one in _ENTRY.finditer(text):
        address = one[1].casefold()
        if address not in own:
            found.setdefault(address, one)
    return list(found.values())


def _in_words(mail: Message, subject: str, parts: _Parts, *, sure: bool) -> list[Report]:
    """A report that some server wrote for people."""
    text = parts.text
    if not sure and not _BOUNCE_WORDS.search(text) and status_in(text) is None:
        return [Report(kind="other", reason="other", rule="nothing")]
    delayed = bool(_DELAYED.search(f"{subject}\n{text}"))
    plain = _BOILERPLATE.sub(" ", text)
    stage = _stage(text)
    whole = classify(plain, stage=stage)
    if whole.rule == "nothing":
        whole = classify(_BOILERPLATE.sub(" ", subject), stage=stage)
    own = {address.casefold() for address in _ADDRESS.findall(f"{mail['To']} {mail['From']}")}
    entries = _entries(plain, own)
    failed = _ADDRESS.findall(str(mail.get("X-Failed-Recipients", "")))
    if len(entries) > 1:
        ends = [one.start() for one in entries[1:]] + [len(plain)]
        found = {
            entry[1]: classify(plain[entry.end() : end], stage=_stage(plain[entry.end() : end]))
            for entry, end in zip(entries, ends, strict=True)
        }
        # What says nothing of its own has the reason of the mail as a whole.
        answers = [(to, one if _in_so_many_words(one) else whole) for to, one in found.items()]
    else:
        others = [one for one in _ADDRESS.findall(plain) if one.casefold() not in own]
        named = failed[:1] or [entry[1] for entry in entries] or others[:1]
        found_here = classify(plain[entries[0].end() :], stage=stage) if entries else whole
        answers = [
            (named[0] if named else "", found_here if _in_so_many_words(found_here) else whole)
        ]
    return [
        Report(
            kind="delayed" if delayed else found.kind,
            reason=found.reason,
            rule=found.rule,
            recipient=to or None,
            status=status_in(text),
        )
        for to, found in answers
    ]

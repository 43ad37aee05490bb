"""What a mail server's answer means: one table of rules for replies, reports and webhooks.

In: the code, the enhanced status and the words of an answer (RFC 5321, RFC 3463), and at which
command it came. Out: a `Finding` with the kind, the reason and the rule that said so. Words go
before numbers, because servers choose their numbers carelessly and their words for people.

Only what is about the address for good is *hard*. What is about us (our network, our signature,
what we say) is a *block*; the address may be fine. Everything else is *soft*.
"""

import re
from typing import Literal

import msgspec

Kind = Literal["hard", "soft", "block"]
Reason = Literal[
    "unknown_address", "unknown_domain", "moved", "no_mail_there",
    "mailbox_full", "disabled", "filtered", "too_large", "not_reached", "system", "unclear",
    "rate_limited", "authentication", "blocked", "spam", "virus", "content", "relaying",
    "sender_rejected", "policy",
]  # fmt: skip
HARD: frozenset[Reason] = frozenset({"unknown_address", "unknown_domain", "moved", "no_mail_there"})
BLOCK: frozenset[Reason] = frozenset(
    {
        "rate_limited", "authentication", "blocked", "spam", "virus", "content", "relaying",
        "sender_rejected", "policy",
    }
)  # fmt: skip
MAX_WORDS = 4_000
"""How much of an answer is looked at: what it says it says early."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What an answer means, and which rule found it."""

    kind: Kind
    reason: Reason
    rule: str
    """`words:NAME`, `status:5.1.1` or `code:550`."""


_OWNER = r"(?:account|mailbox|user|recipient|address|e-?mail|subscriber|member|domain)"
# The order counts: a full mailbox is also "rejected", a blocked account is no blocked sender.
_WORDS: tuple[tuple[Reason, str, str], ...] = (
    (
        "unknown_domain",
        "domain_gone",
        (
            r"\b(?:[a-z0-9-]+\.)+[a-z]{2,} does not exist|domain (?:may|might) not exist"
            r"|domain is not reachable|domain (?:does not|doesn't) exist"
        ),
    ),
    (
        "unknown_address",
        "no_account",
        (
            r"does(?:n't| not) have an? [^\s]+ account"
            r"|account (?:that you tried to reach )?does not exist"
        ),
    ),
    (
        "mailbox_full",
        "mailbox_full",
        (
            r"quota|mailbox (?:is |has been |size )?(?:full|exceed)|(?:mailbox|inbox|account|user"
            r"|box) is"
            r" (?:over|full|too full)|full mailbox|in recipient's mailbox exceeded|out of storage"
            r"|insufficient (?:disk|storage|system storage)|not enough (?:storage|space|disk)"
            r"|exceed\w* (?:the )?storage|storage (?:space|allocation|limit)|mailbox exceeds"
            r"|disk (?:is )?full|no space left|too much mail data"
        ),
    ),
    (
        "rate_limited",
        "too_much",
        (
            r"too many (?:recipients|connections|messages|mails?|e-?mails|concurrent|sessions|hosts"
            r"|errors|bad|invalid|unknown)|rate.?limit|throttl|at a rate that"
            r"|exceeded .{0,40}(?:rate"
            r"|per hour|per minute|per connection|per session|number of messages)"
            r"|connections? limit"
            r"|try again later.{0,20}slow|slow down|message limit|sending limit|limits? exceeded"
            r"|messages per day"
        ),
    ),
    (
        "too_large",
        "too_large",
        (
            r"(?:message|mail|size|e-?mail)\b.{0,40}(?:too (?:large|big|long)"
            r"|exceeds (?:the )?(?:fixed"
            r" |maximum |size|allowed|administrative))|size limit|maximum (?:message|mail) size"
            r"|maxim\w* size|RecipSizeLimit|SizeLimit|too large|bytes limit"
        ),
    ),
    (
        "authentication",
        "authentication",
        (
            r"\bdmarc\b|\bspf\b|\bdkim\b|\bsender.?id\b|sender policy framework"
            r"|authentication (?:check"
            r"s? failed|fail|required|is required)|fail\w* (?:multiple )?authentication"
            r"|unauthenticated"
            r"|not authenticated|authentication checks"
        ),
    ),
    (
        "disabled",
        "disabled",
        (
            rf"{_OWNER}\b[^.;]{{0,40}}\b(?:disabled?|suspended|inactive|deactivated|locked|frozen"
            rf"|on hold"
            rf"|not active|blocked|bloqu|expired|restricted|terminated|closed|overdue|unavailable"
            rf" temporarily|discontinued|not currently accept)|\b(?:disabled|inactive|suspended"
            rf"|closed"
            rf"|locked|expired|blocked) (?:recipient|user|account|mailbox|e?-?mail address)"
            rf"|account has been|mailbox (?:currently|temporarily) |\bon hold\b"
            rf"|not accepting messages"
            rf"|is disabled|has been disabled|has been suspended|is suspended|out of service"
        ),
    ),
    (
        "relaying",
        "relaying",
        (
            r"relay(?:ing)? (?:access |is |mail )?(?:denied|not (?:permitted|allowed|possible)"
            r"|prohibit"
            r"|disallow|forbidden|refused|restrict|fail)|no relaying|(?:unable|not (?:allowed"
            r"|permitted"
            r"|authori[sz]ed)|cannot|do(?:es)? not|will not|refus\w*|permission) to relay|not relay"
            r"|not a(?:n)? (?:open )?relay|relay not|insecure mail relay|open relay"
            r"|address is not verified|in my rcpthosts"
        ),
    ),
    (
        "sender_rejected",
        "sender",
        (
            r"(?:sender|envelope from|mail ?from|from) (?:address|domain"
            r"|host)?\s?(?:is )?(?:rejected"
            r"|denied|refused|unknown|invalid|not (?:allowed|accepted|found|exist|valid)|verif\w+"
            r"|does not|syntax|must)|invalid sender|(?:bad|unknown) sender|sender was rejected"
            r"|domain of sender|sender(?:'s)? (?:e-?mail )?(?:domain|address)|valid sender"
            r"|cannot resolve your domain|sender verif|after MAIL FROM|in reply to MAIL FROM"
            r"|backscatter|rejected the sender|from:? (?:header|domain)|valid from:|your (?:domain"
            r"|e?-?mail address) (?:is|has)"
            r"|not allowed to send|\bsender\b.{0,30}(?:reject|black|deny|denied|block)"
        ),
    ),
    (
        "blocked",
        "blocked",
        (
            r"\bblock(?:ed|ing|list)?\b|black.?list|deny.?list|\b[rd]?[rn]s?bls?\b|\brbl\b|dnsbl"
            r"|spamhaus|spamcop|sorbs|barracudacentral|reputation|(?:client|your) (?:host|ip"
            r"|server|net"
            r"work)\b.{0,60}(?:reject|refus|denied|listed|banned|not (?:allow|accept|permit))"
            r"|banned"
            r"|\bptr\b|reverse (?:dns|lookup|name)|\brdns\b|invalid (?:helo|ehlo)|helo command"
            r"|dynamic"
            r" ip|connections? (?:not accepted|refused|rejected|denied|from .{0,60}(?:reject|refus"
            r"|deni))"
            r"|bad ip|poor reputation|temporarily deferred due to|user complaints|fix reverse"
            r"|after EHLO"
            r"|after HELO|access denied.{0,20}\bip\b|no access from mail server"
            r"|ip (?:address )?\[?[\d.]+"
        ),
    ),
    (
        "spam",
        "spam",
        (
            r"\bspam\w*|\bunsolicited\b|\bjunk\b|\bbulk\b|spamassassin|content (?:filter|reject"
            r"|appears)"
            r"|message (?:appears|looks|content rejected)|\bUCE\b|denied by content|high spam"
            r"|scored"
        ),
    ),
    ("virus", "virus", r"\bvirus|malware|infected|\bphish|trojan|\bworm\b|suspicious attach"),
    (
        "content",
        "content",
        (
            r"media error|content error|(?:attachment|file)\b.{0,40}(?:not (?:allowed|accepted)"
            r"|reject"
            r"|prohibit|denied|forbid)|(?:mime|header|format|conver\w+|8.?bit|encod\w+) (?:error"
            r"|requir"
            r"|not|malform)|malformed|rfc ?(?:2|5|8)?822|not rfc|not compliant|improper use of"
            r"|multiple addresses in|messages? (?:with|missing)|bare lf|charset"
        ),
    ),
    (
        "no_mail_there",
        "no_mail_there",
        (
            r"does not accept (?:any )?(?:e-?)?mail|do(?:es)? not (?:accept|receive) mail|null mx"
            r"|no smtp service|no mail (?:exchanger|server|exchange)|mail exchanger or ip"
            r"|couldn't find a"
            r" mail|no (?:valid )?mx\b|no mx record|mx (?:is )?null|no valid hosts"
            r"|has no mail exchanger"
            r"|domain does not (?:accept|receive)|mail receiving disabled|smtp protocol returned a"
            r" permanent error|no servers? for domain"
        ),
    ),
    (
        "unknown_domain",
        "unknown_domain",
        (
            r"host (?:or domain )?(?:name )?(?:unknown|not found|lookup|does not exist|cannot be"
            r" resolved|look-up)|unknown (?:host|domain|mail host)"
            r"|domain (?:name )?(?:does ?n[o']t exist"
            r"|doesn't exist|not found|is (?:not known|unknown|invalid|not valid|not local)|unknown"
            r"|couldn't|lookup|must|has no)|no such (?:host|domain)|find any host"
            r"|non-?existent (?:host"
            r"|domain)|nxdomain|bad destination system|illegal host|name or service not known"
            r"|host (?:not found"
            r"|unknown)|unrouteable (?:mail )?domain|cannot find (?:your|the) domain|invalid domain"
            r"|host name (?:is )?(?:invalid|unknown|lookup)|no route to domain|unable to resolve"
        ),
    ),
    (
        "moved",
        "moved",
        (
            rf"{_OWNER}\b.{{0,20}}\b(?:has|have) (?:been )?moved"
            rf"|has (?:a )?new (?:e-?mail )?address"
            r"|has left the|address (?:has )?changed|no longer (?:with|works|employed)"
        ),
    ),
    (
        "unknown_address",
        "unknown_address",
        (
            rf"(?:unknown|no such|invalid|non-?existent|nonexisting|bad|illegal|unrouteable"
            rf"|undeliverable"
            rf"|unresolvable|incorrect) (?:or (?:unknown|illegal|invalid"
            rf"|non-?existent) )?(?:local )?"
            rf"(?:part|user\w*|recipients?|mailbox\w*|address\w*|account|e-?mail|name|person|"
            rf"destination|dest|alias|local|final delivery user\w*|virtual|in )"
            rf"|{_OWNER}s?(?: name| id| \S+@\S+|\s?<[^>]*>|\(?s\)?)*[\s:,.]*(?:is |was |are |has "
            rf"|has been |could |can |"
            r"would )?(?:unknown|invalid|not (?:be )?(?:found|known|exist|recogni[sz]ed|valid"
            r"|listed|"
            r"available here|our customer|a valid|on this|a known|in )|does ?n[o']t (?:exist|have"
            r"|match)"
            r"|doesn't (?:exist|have)|do(?:es)? not (?:exist|have)|no longer (?:valid|exist|active"
            r"|in use"
            r"|available|on server)|nonexist|unavailable|undeliverable|not exist|rejected: (?:user|"
            r"unknown|undeliverable|no such|invalid))"
            r"|\b(?:wasn't|was not|isn't|not) found at\b|user unknown|unknown user|no mailbox"
            r"|not a (?:valid|"
            r"known) (?:user|mailbox|recipient|address)|is not (?:a|known|recogni[sz]ed"
            r"|valid)[^.]{0,30}"
            r"(?:user|mailbox|here|recipient|this)|doesn't have a|does not have an? |not have a|"
            r"can(?:no|')t (?:find|verify|deliver to) (?:the |this )?(?:user|recipient|address"
            r"|account)|delivery to the"
            r" following recipients? failed permanently.{0,80}does not exist|not listed in"
            r"|recipient ?not"
            r"? ?found|destinataire (?:invalide|inconnu)|utilisateur inconnu"
            r"|adresse d.{0,30}invalide"
            r"|benutzer unbekannt|empf.nger unbekannt|nicht bekannt|no existe|desconocid"
            r"|there is no"
            r" (?:one|user|such)|no one by that|no account by|verification failed for|user id"
            r"|\#5\.1\.1"
            r"|nosuchuser|unknownuser|answer=6596|reject\w* by user.?search|this user doesn't"
            r"|no users? here"
            r"|\bnot our customer\b|prohibited by .{0,10}unknown|there is no such"
            r"|no valid recipients?"
        ),
    ),
    (
        "filtered",
        "filtered",
        (
            r"filtered|domain filter|user refuses|refused by recipient|rejected by (?:the )?"
            r"(?:recipient|user)\b|not accepting mail from|restricted by|permission to (?:send"
            r"|post)"
        ),
    ),
    (
        "policy",
        "policy",
        (
            r"\bpolic(?:y|ies)\b|access denied|not (?:authori[sz]ed|permitted|allowed)|prohibited"
            r"|administrat\w+ (?:prohib|deni|reject)|rejected|refused|denied|header error"
            r"|disallowed"
            r"|unacceptable|security (?:reason|error)|encryption|starttls|\btls\b"
        ),
    ),
    (
        "not_reached",
        "not_reached",
        (
            r"tim(?:ed?|ing) ?-?out|expired|giving up|too long|queue|connection (?:refused|reset"
            r"|lost"
            r"|closed|dropped|timed|broken|failed)|not responding|unreachable|no route|requests? to"
            r" connect|unable to (?:connect|contact)|lost connection"
            r"|could not (?:be delivered within"
            r"|deliver for|connect)|not delivered within|hop count|loop|retry|try again|delayed"
            r"|refus"
            r"|greylist|grey.?list|temporar"
        ),
    ),
    (
        "system",
        "system",
        (
            r"system error|mailer error|service (?:currently )?(?:unavailable|not available)|local"
            r" (?:error|configuration|problem)|internal|out of memory|can't create|couldn't create"
            r"|permission denied|read-only|i/o error|ldap|server (?:error|busy|unavailable)"
            r"|config\w*"
            r" error|operating system|command not (?:implemented|recogni)|syntax"
        ),
    ),
)
_RULES = tuple((reason, name, re.compile(words, re.IGNORECASE)) for reason, name, words in _WORDS)

_STATUS: dict[str, Reason] = {
    "1.0": "unclear", "1.1": "unknown_address", "1.2": "unknown_domain", "1.3": "unknown_address",
    "1.4": "unclear", "1.6": "moved", "1.7": "sender_rejected", "1.8": "sender_rejected",
    "1.10": "unknown_address", "1.351": "unknown_address",
    "2.0": "filtered", "2.1": "disabled", "2.2": "mailbox_full", "2.3": "too_large",
    "3.4": "too_large",
    "4.1": "not_reached", "4.2": "not_reached", "4.3": "not_reached", "4.4": "unknown_domain",
    "4.5": "system", "4.6": "not_reached", "4.7": "not_reached", "4.14": "not_reached",
    "4.316": "not_reached",
    "7.13": "disabled", "7.20": "authentication", "7.21": "authentication",
    "7.23": "authentication", "7.24": "authentication", "7.25": "blocked",
    "7.26": "authentication", "7.27": "sender_rejected",
}  # fmt: skip
"""Details of the enhanced status (RFC 3463, RFC 7372, RFC 7505), without its class."""
_SUBJECTS: dict[str, Reason] = {
    "3": "system", "4": "not_reached", "5": "system", "6": "content", "7": "policy",
}  # fmt: skip
_NUMBER = re.compile(r"(?<![\d.])([245])\.(\d)\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.\-/])(?<!\d:)([45]\d\d)(?=[\s,;-](?![\s-]?\d{3,}))")
# IronPort quotes the real answer behind words of its own that sound like an unknown address.
_QUOTED = re.compile(r"unknown address error \d{3}-'(.*)", re.IGNORECASE | re.DOTALL)
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_LINK = re.compile(r"https?://\S+")


def classify(
    text: str, *, code: int | None = None, status: str | None = None, stage: str | None = None
) -> Finding:
    """What an answer means.

    Args:
        text: Its words; codes and a status in them are read, too.
        code: The three digits of SMTP, if known apart.
        status: The enhanced status, such as `5.1.1`, if known apart.
        stage: At which command it came: `mail`, `rcpt` or `data`.

    >>> classify("550 5.1.1 <…>: Recipient address rejected: User unknown").reason
    'unknown_address'
    >>> classify("552 5.2.2 mailbox over quota").kind
    'soft'
    """
    words = text[:MAX_WORDS]
    quoted = _QUOTED.search(words)
    if quoted:
        words = quoted[1]
    stated = status_in(words) or status
    code = code or code_in(words)
    # An address or a link may hold any word.
    plain = _LINK.sub(_link_words, _ADDRESS.sub("…", " ".join(words.split())))
    found = _by_both(plain, stated) or _by_words(plain) or _by_number(stated, code)
    if found.kind == "hard" and stage == "mail":
        # The recipient was not named yet: the words are about the sender.
        return Finding(kind="block", reason="sender_rejected", rule=f"{found.rule},at_mail_from")
    about_address = status_class(status, "1") or status_class(stated, "1")
    after_data = stage == "data" and not about_address
    unplaced = stage is None and code is not None and (stated or status) is None
    if found.rule == "words:unknown_address" and (after_data or unplaced):
        # Who sees the message before saying so has looked at more than the address: filters and
        # mobile carriers answer like this to whatever they do not let through. Only a refusal of
        # the recipient, or a status, is certain.
        return Finding(kind="soft", reason="filtered", rule=f"{found.rule},uncertain")
    return found


def code_in(text: str) -> int | None:
    """The first SMTP code of a failure in a text."""
    found = _CODE.search(text)
    return int(found[1]) if found else None


def status_in(text: str) -> str | None:
    """The first enhanced status of a failure in a text."""
    found = next((one for one in _NUMBER.finditer(text) if one[1] != "2"), None)
    return found[0] if found else None


def status_class(status: str | None, subject: str) -> bool:
    """Whether an enhanced status is about that subject: `1` the address, `2` the mailbox."""
    return status is not None and status[1:3] == f".{subject}"


def _link_words(link: re.Match[str]) -> str:
    # Google says nothing but the number of its help page.
    return " answer=6596 " if "answer=6596" in link[0] else " "


def _by_both(plain: str, status: str | None) -> Finding | None:
    """Words and status that agree on the address; then other words do not count."""
    if status is None or not status.startswith("5."):
        return None
    stated = _STATUS.get(status[2:])
    for reason, name, words in _RULES:
        if reason == stated and reason in HARD and words.search(plain):
            return _finding(reason, f"words:{name},status:{status}")
    return None


def _by_words(plain: str) -> Finding | None:
    for reason, name, words in _RULES:
        if words.search(plain):
            return _finding(reason, f"words:{name}")
    return None


def _by_number(status: str | None, code: int | None) -> Finding:
    if status is not None and _NUMBER.fullmatch(status):
        _, _, detail = status.partition(".")
        reason = _STATUS.get(detail) or _SUBJECTS.get(detail[0], "unclear")
        if status[0] == "4" and reason in HARD:
            reason = "not_reached"
        if reason != "unclear":
            return _finding(reason, f"status:{status}")
    if code is not None:
        return _finding("unclear", f"code:{code}")
    return _finding("unclear", "nothing")


def _finding(reason: Reason, rule: str) -> Finding:
    kind: Kind = "hard" if reason in HARD else "block" if reason in BLOCK else "soft"
    return Finding(kind=kind, reason=reason, rule=rule)

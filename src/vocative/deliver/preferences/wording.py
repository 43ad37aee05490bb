"""The text that a person saw when deciding: kept by its content, so that a consent can prove it.

What counts is what the page asks: its own words in one language, and titles and descriptions of
the purposes. The version goes into each consent; the text lies beside the definitions.
"""

import hashlib

import msgspec

from vocative.clock import to_micros
from vocative.pages.words import WORDS, in_language
from vocative.stores import Transaction
from vocative.workspace import Settings, Workspace

KIND = "preferences_text"
_ASKING = (
    "preferences_intro", "what_title", "by_email", "by_sms", "by_push", "how_often",
    "every_days_0", "every_days_7", "every_days_30", "pause_title", "pause_help", "pause_0",
    "pause_7", "pause_30", "pause_90", "save", "leave_title", "leave_text", "leave_button",
)  # fmt: skip


def text_of(settings: Settings, language: str) -> dict[str, str]:
    """Everything that the page asks in a language, by name."""
    found = {name: WORDS[language][name] for name in _ASKING}
    for name, purpose in settings.purposes.items():
        if purpose.listed:
            otherwise = settings.page_language
            found[f"{name}: title"] = in_language(purpose.title, language, otherwise) or name
            found[f"{name}: describe"] = in_language(purpose.describe, language, otherwise)
    return found


def version_of(settings: Settings, language: str) -> str:
    """The version of the text; the same text has the same one."""
    text = msgspec.json.encode(text_of(settings, language), order="sorted")
    return f"{language}-{hashlib.sha256(text).hexdigest()[:12]}"


def keep_text(workspace: Workspace, tx: Transaction, language: str) -> str:
    """Keep the text as it is now, unless it is kept already.

    Returns:
        Its version.
    """
    version = version_of(workspace.settings, language)
    tx.run(
        "INSERT INTO definitions (kind, name, revision, body, author, applied_at)"
        " VALUES (:kind, :name, 1, :body, 'vocative', :at)"
        " ON CONFLICT (kind, name, revision) DO NOTHING",
        {
            "kind": KIND,
            "name": version,
            "body": msgspec.json.encode(text_of(workspace.settings, language)).decode(),
            "at": to_micros(workspace.clock.now()),
        },
    )
    return version

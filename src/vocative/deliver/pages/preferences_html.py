"""The preference centre as HTML; every text of a workspace or a person is escaped here."""

from collections.abc import Sequence
from html import escape

from vocative.deliver.pages.answers import workspace_look
from vocative.deliver.preferences.changing import PAUSES, SOURCE
from vocative.deliver.preferences.standing import Preferences, Subject, because
from vocative.deliver.preferences.wording import version_of
from vocative.pages.page import Page, page
from vocative.pages.words import day_in_words, language_name, word
from vocative.privacy.wishes import SPACINGS
from vocative.workspace import Settings, Workspace

WANT = "want"
"""The field of the boxes; the value is purpose and channel, `/` between them."""
OFTEN = "often"
"""The field of how often, with the purpose behind it: `often/news`."""
PAUSE, LANGUAGE, VERSION, ACTION, EMAIL = "pause", "language", "version", "action", "email"
KEEP = "keep"


class PreferencePage:
    """The page of one person in one language."""

    def __init__(self, workspace: Workspace, found: Preferences, language: str) -> None:
        self._workspace = workspace
        self._found = found
        self._language = language

    def page(
        self,
        *,
        done: Sequence[str] = (),
        fault: str = "",
        address_fault: str = "",
        typed_address: str = "",
        chosen_language: str | None = None,
    ) -> Page:
        """The whole page.

        Args:
            done: Names of words for what was just done.
            fault: The name of a word for what has to be looked at again.
            address_fault: The same, for the new address.
            typed_address: What was typed there.
            chosen_language: Of mails, when it was just chosen.
        """
        sender = self._settings.sender.name
        title = self._word("preferences_title")
        version = version_of(self._settings, self._language)
        parts = [
            *[self._done(name) for name in done],
            f"<h1>{title}</h1>",
            self._faulty(fault),
            f"<p>{escape(self._word('preferences_intro', sender=sender))}</p>",
            self._blocked(),
            self._why(),
            '<form method="post" accept-charset="utf-8">',
            f'<input type="hidden" name="{VERSION}" value="{version}">',
            f"<h2>{self._word('what_title')}</h2>",
            *[self._subject(number, one) for number, one in enumerate(self._found.listed)],
            self._pause(),
            self._mail_language(chosen_language),
            self._button("save"),
            "</form>",
            self._address(address_fault, typed_address),
            self._leave(),
        ]
        look = workspace_look(self._workspace, self._language)
        return page(look, title, "\n".join(part for part in parts if part))

    @property
    def _settings(self) -> Settings:
        return self._workspace.settings

    def _word(self, name: str, **filled: object) -> str:
        return word(name, self._language, **filled)

    def _done(self, name: str) -> str:
        text = escape(self._word(name, sender=self._settings.sender.name))
        return f'<div class="done" role="status"><p>{text}</p></div>'

    def _faulty(self, name: str) -> str:
        if not name:
            return ""
        return f'<div class="faults" role="alert"><p>{escape(self._word(name))}</p></div>'

    def _blocked(self) -> str:
        return f"<p><strong>{self._word('blocked')}</strong></p>" if self._found.blocked else ""

    def _why(self) -> str:
        subject = self._found.asked_about
        if subject is None:
            return ""
        why, stated = because(subject)
        purpose = subject.title(self._language, self._settings)
        filled: dict[str, str] = {"purpose": purpose}
        if stated is not None:
            filled["day"] = day_in_words(stated.at.date(), self._language)
            filled["source"] = self._word(_told_where(stated.source))
        text = escape(self._word(f"why_{why}", **filled))
        return f"<h2>{self._word('why_title')}</h2>\n<p>{text}</p>"

    def _subject(self, number: int, subject: Subject) -> str:
        """A purpose with its channels, and how often."""
        title = escape(subject.title(self._language, self._settings))
        about = escape(subject.description(self._language, self._settings))
        name = f"w{number}"
        described = f' aria-describedby="{name}-about"' if about else ""
        help_text = f'<p class="help" id="{name}-about">{about}</p>' if about else ""
        boxes = [
            self._box(
                f"{name}-{channel}",
                f"{subject.purpose}/{channel}",
                title if len(subject.channels) == 1 else self._word(f"by_{channel}"),
                checked=stated.is_sent,
                more=described if len(subject.channels) == 1 else "",
            )
            for channel, stated in subject.channels.items()
        ]
        often = self._often(name, subject, title)
        if len(subject.channels) == 1:
            return f'<div class="question">{boxes[0]}{help_text}{often}</div>'
        return (
            f'<fieldset class="question"{described}><legend>{title}</legend>{help_text}'
            f"{''.join(boxes)}{often}</fieldset>"
        )

    def _box(self, name: str, value: str, label: str, *, checked: bool, more: str) -> str:
        tick = " checked" if checked else ""
        return (
            f'<div class="choice"><input type="checkbox" id="{name}" name="{WANT}"'
            f' value="{escape(value)}"{tick}{more}><label for="{name}">{label}</label></div>'
        )

    def _often(self, name: str, subject: Subject, title: str) -> str:
        if not subject.takes_wishes:
            return ""
        choices = [(str(days), self._word(f"every_days_{days}")) for days in (0, *SPACINGS)]
        return self._select(
            f"{name}-often",
            f"{OFTEN}/{subject.purpose}",
            f'{self._word("how_often")}<span class="unseen">: {title}</span>',
            choices,
            chosen=str(subject.wishes.every_days),
        )

    def _pause(self) -> str:
        if not any(one.takes_wishes for one in self._found.listed):
            return ""
        choices = [(str(days), self._word(f"pause_{days}")) for days in (0, *PAUSES)]
        until, chosen = self._found.paused_until, "0"
        if until is not None and until > self._workspace.clock.now().date():
            day = day_in_words(until, self._language)
            choices.insert(0, (KEEP, self._word("pause_keep", day=day)))
            chosen = KEEP
        select = self._select(PAUSE, PAUSE, self._word("pause_title"), choices, chosen=chosen)
        return f'{select}<p class="help">{self._word("pause_help")}</p>'

    def _mail_language(self, just_chosen: str | None) -> str:
        offered = self._found.languages
        if not offered:
            return ""
        chosen = just_chosen or self._found.recipient.language or offered[0]
        choices = [(tag, language_name(tag)) for tag in offered]
        if chosen not in offered:
            # Nobody loses a language that the workspace does not write in yet.
            choices.insert(0, (KEEP, language_name(chosen)))
            chosen = KEEP
        title = self._word("language_title")
        return self._select(LANGUAGE, LANGUAGE, title, choices, chosen=chosen)

    def _select(
        self, name: str, field: str, label: str, choices: Sequence[tuple[str, str]], *, chosen: str
    ) -> str:
        options = "".join(
            f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
            f"{escape(text)}</option>"
            for value, text in choices
        )
        return (
            f'<div class="question"><label for="{name}">{label}</label>'
            f'<select id="{name}" name="{escape(field)}">{options}</select></div>'
        )

    def _address(self, fault: str, typed: str) -> str:
        if not self._found.can_move:
            return ""
        said = f'<p class="fault" id="address-fault">{self._word(fault)}</p>' if fault else ""
        described = "address-help address-fault" if fault else "address-help"
        invalid = ' aria-invalid="true"' if fault else ""
        button = self._button("address", word_name="address_button", look=' class="quiet"')
        return (
            f'<form class="alone" method="post" novalidate accept-charset="utf-8">'
            f"<h2>{self._word('address_title')}</h2>"
            f'<p class="help" id="address-help">{self._word("address_help")}</p>'
            f'<div class="question"><label for="address">{self._word("address_label")}</label>'
            f'{said}<input id="address" type="email" name="{EMAIL}" value="{escape(typed)}"'
            ' autocomplete="email" autocapitalize="none" spellcheck="false"'
            f' aria-describedby="{described}"{invalid}></div>'
            f"{button}</form>"
        )

    def _button(self, action: str, *, word_name: str = "", look: str = "") -> str:
        label = self._word(word_name or action)
        return (
            f'<div class="go"><button{look} name="{ACTION}" value="{action}">{label}</button></div>'
        )

    def _leave(self) -> str:
        return (
            f'<form class="alone" method="post"><h2>{self._word("leave_title")}</h2>'
            f"<p>{self._word('leave_text')}</p>"
            f'<button class="quiet" name="{ACTION}" value="leave">'
            f"{self._word('leave_button')}</button></form>"
        )


def _told_where(source: str) -> str:
    """The word for where a consent comes from."""
    if SOURCE in source:
        return "from_preferences"
    return "from_form" if source.startswith("form ") else "from_elsewhere"

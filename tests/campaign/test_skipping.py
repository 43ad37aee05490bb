"""A template gives a message up for one person; the others get theirs."""

from vocative.campaign import send
from vocative.collect.door import accept
from vocative.identify.apply import apply_log
from vocative.workspace import Workspace

MAIL = (
    "<html><body>{% if person.city == 'Bonn' %}{% skip_message \"they have it\" %}{% endif %}Hello"
    ' <a href="{{ unsubscribe_url }}">Leave</a> {{ postal_address }}</body></html>'
)


def test_a_skipped_message_is_noted_and_never_sent(workspace: Workspace) -> None:
    for folder, name, text in (
        ("templates", "hello.html", MAIL),
        ("templates", "hello.yaml", "subject: Hello\n"),
        ("campaigns", "all.yaml", "all: {template: hello, where: 'true', purpose: service}\n"),
    ):
        (workspace.root / folder).mkdir(exist_ok=True)
        (workspace.root / folder / name).write_text(text, encoding="utf-8")
    settings = workspace.root / "vocative.yaml"
    settings.write_text(settings.read_text() + "purposes: {service: {consent: opt_out}}\n")
    (workspace.root / "traits.yaml").write_text("email: {personal: true}\ncity: {}\n")
    people = [("ana", "Bonn"), ("bob", "Bern"), ("eve", "Bern")]
    with Workspace(workspace.root, clock=workspace.clock) as shop:
        traits = [{"email": f"{user}@example.com", "city": city} for user, city in people]
        accept(
            shop,
            [
                {"type": "identify", "userId": user, "messageId": f"m-{user}", "traits": known}
                for (user, _), known in zip(people, traits, strict=True)
            ],
            source="shop",
        )
        apply_log(shop)
        counts = send(shop, "all").counts
    assert counts == {"accepted": 2, "skipped: skipped_by_template": 1}

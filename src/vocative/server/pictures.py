"""Pictures of items that have none: drawn from the item's title and category."""

import hashlib
from html import escape

from vocative.workspace import Workspace


def item_picture(workspace: Workspace, item_id: str) -> str:
    """An SVG of 480 × 360 for an item of the catalog, or for its id when it is unknown."""
    with workspace.store.read() as tx:
        item = tx.row(
            "SELECT title, category FROM items WHERE item_id = :item_id", {"item_id": item_id}
        )
    title = str(item["title"]) if item else item_id
    category = str(item["category"] or "") if item else ""
    seed = hashlib.sha256((category or title).encode()).digest()
    shade = hashlib.sha256(title.encode()).digest()
    hue, turn = seed[0] * 360 // 256, shade[0] % 60 - 30
    shapes = "".join(
        f'<circle cx="{40 + shade[i] * 400 // 255}" cy="{40 + shade[i + 1] * 210 // 255}"'
        f' r="{24 + shade[i + 2] // 4}" fill="hsl({(hue + turn + 12 * i) % 360} 55% {58 + i * 2}%)"'
        f' fill-opacity=".75"/>'
        for i in range(1, 10, 3)
    )
    words = _lines(title)
    text = "".join(
        f'<text x="28" y="{312 + 26 * i - 13 * (len(words) - 1)}" font-size="21"'
        f' font-weight="600" fill="hsl({hue} 45% 20%)">{escape(line)}</text>'
        for i, line in enumerate(words)
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 360" width="480" height="360"'
        ' font-family="Helvetica, Arial, sans-serif">'
        f'<rect width="480" height="360" fill="hsl({hue} 60% 90%)"/>{shapes}'
        '<rect y="268" width="480" height="92" fill="#fff" fill-opacity=".88"/>'
        f"{text}</svg>"
    )


def _lines(title: str) -> list[str]:
    """At most two lines of at most 38 characters."""
    lines = [""]
    for word in title.split():
        if len(lines[-1]) + len(word) > 37:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return [line[:38] for line in lines[:2]]

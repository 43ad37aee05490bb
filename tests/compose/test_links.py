"""Links are led through tracking where the author made them, and nowhere else."""

import re
import time

from mails import data, text_block

from vocative.compose import load_template, rewrite_links


def tracked(url: str) -> str:
    return f"https://t.example/?u={url}&s=1"


def test_only_http_links_of_anchors_are_rewritten(render):
    body = render(
        text_block(
            '<a class="x" href="https://shop.example/?a=1&amp;b=2" title="a > b">1</a>'
            '<a href="mailto:hi@shop.example">2</a><a href="#top">3</a>'
            '<a href="HTTP://shop.example">4</a><img src="https://shop.example/i.png" alt="">'
            "https://shop.example/not-a-link"
        )
    )
    seen: list[str] = []
    html = rewrite_links(body.html, lambda url: seen.append(url) or tracked(url))
    assert seen == ["https://shop.example/?a=1&b=2", "HTTP://shop.example"]
    assert 'href="https://t.example/?u=https://shop.example/?a=1&amp;b=2&amp;s=1"' in html
    assert 'src="https://shop.example/i.png"' in html
    assert "https://shop.example/not-a-link" in html


def test_links_to_leave_and_to_view_keep_their_address(render):
    rendered = render(
        text_block(
            '<a href="{{ unsubscribe_url }}">Leave</a> <a href="{{ view_url }}">View</a>'
            '<a href="https://shop.example/imprint" data-vocative="untracked">Imprint</a>'
            '<a href="https://shop.example">Shop</a>'
        )
    )
    html = rewrite_links(rendered.html, tracked)
    assert re.findall(r'<a\s+href="([^"]*)"', html) == [
        "https://shop.example/u/token",
        "https://shop.example/v/token",
        "https://shop.example/imprint",
        "https://t.example/?u=https://shop.example&amp;s=1",
    ]
    assert "data-vocative" not in html
    text = rewrite_links(rendered.text, tracked)
    assert "Leave: https://shop.example/u/token" in text
    assert "Imprint: https://shop.example/imprint" in text
    assert "Shop <https://t.example/?u=https://shop.example&s=1>" in text


def test_the_open_picture_stands_before_the_end(render):
    html = rewrite_links(
        render(text_block("x")).html, tracked, open_pixel_url="https://t.example/o/1?a=1&b=2"
    )
    assert html.count("https://t.example/o/1?a=1&amp;b=2") == 1
    assert re.search(r'<img src="https://t\.example/o/1[^>]*>\s*</body>', html)
    assert rewrite_links("text", tracked, open_pixel_url="https://t.example/o/1") == "text"


def test_links_from_data_that_run_code_are_emptied(render):
    html = render(
        text_block('<a href="{{ offer.url }}">x</a>'),
        data={"offer": {"url": " javascript:alert(1)"}},
    ).html
    assert 'href="#"' in html
    assert "javascript" not in html


def test_rewriting_costs_little(starter):
    rendered = load_template(starter, "weekly_picks").render(data())
    start = time.process_time()
    for _ in range(100):
        rewrite_links(rendered.html, tracked, open_pixel_url="https://t.example/o/1")
    assert (time.process_time() - start) / 100 < 0.002

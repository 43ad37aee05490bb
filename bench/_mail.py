"""A mail of 50 KB and people to send it to, for benchmarks of rendering.

The mail has what mails of shops have: a picture, a greeting, a loop over six products, the state of
an order, a voucher, the nearest shop, social links and a footer. 49 places print a value, 14 of
them in the loop; there are 7 conditions and the filters money, date, default, capitalize, escape
and upcase. Names have umlauts, titles have characters that HTML escapes, and facts are missing.
"""

import itertools
import random
from typing import Any

from vocative.compose import Template, TemplateSource, compile_template

PRODUCTS = 6
ITEMS = 500
_FIRST = (
    "Ann Bob Zoë Chloé Jürgen Søren Łukasz María O'Neill Þór anna PETRA Nguyễn Émile Ida".split()
)
_CITIES = "London München Kraków Århus Sevilla Lyon İzmir Leeds".split()
_THINGS = "Lamp Kettle Chair Blanket Clock Basket Vase Candle Mirror Bowl Tray Rug".split()
_STYLES = ("Copper", "Oak & Linen", "'Nordic'", "Café", 'The 12" one', "Hand-blown", "<New> Soft")
_CATEGORIES = ("garden", "kitchen & bath", "living room", "décor")

_PRODUCT = """
{% for p in products %}
<mj-section background-color="#ffffff" padding="16px 24px" border-radius="8px">
  <mj-column width="36%" vertical-align="middle">
    <mj-image src="{{ p.image_url }}" alt="{{ p.title }}" href="{{ p.url }}" width="180px"
      border-radius="6px" padding="0" />
  </mj-column>
  <mj-column width="64%" vertical-align="middle">
    <mj-text font-size="12px" color="#8a8178" text-transform="uppercase" padding="0 16px">
      No. {{ forloop.index }} · {{ p.category | upcase }}</mj-text>
    <mj-text font-size="19px" line-height="1.3" color="#24221f" padding="4px 16px">
      <a href="{{ p.url }}" style="color:#24221f;text-decoration:none">{{ p.title | escape }}</a>
    </mj-text>
    <mj-text font-size="15px" color="#5b564e" padding="4px 16px">
      {{ p.reason | capitalize }}</mj-text>
    <mj-text font-size="17px" color="#24452f" padding="4px 16px">
      {% if p.was %}<s>{{ p.was | money: p.currency }}</s> {% endif %}
      <b>{{ p.price | money: p.currency }}</b></mj-text>
    <mj-button href="{{ p.url }}" background-color="#24452f" color="#ffffff" border-radius="4px"
      font-size="14px" inner-padding="10px 18px" align="left" padding="8px 16px">
      {{ p.label | default: "Have a look" }}</mj-button>
    <mj-text font-size="12px" color="#8a8178" padding="0 16px">
      {{ p.stock }} left · for {{ person.first_name }}</mj-text>
  </mj-column>
</mj-section>
{% endfor %}
"""

LAYOUT = (
    """<mjml lang="en">
<mj-head>
  <mj-title>{{ campaign.name }}</mj-title>
  <mj-attributes><mj-all font-family="Georgia, 'Times New Roman', serif" /></mj-attributes>
  <mj-style>.link { color: #24452f; }
    @media (max-width: 480px) { .small { font-size: 13px } }</mj-style>
</mj-head>
<mj-body background-color="#f4f1ec" width="600px">
<mj-section padding="20px 0"><mj-column>
  <mj-text align="center" font-size="12px">
    <a href="{{ view_url }}">Read this in your browser</a></mj-text>
  <mj-image src="https://shop.example/logo.png" alt="{{ sender_name }}" width="140px" />
</mj-column></mj-section>
<mj-section><mj-column><mj-navbar>
  <mj-navbar-link href="https://shop.example/new">New</mj-navbar-link>
  <mj-navbar-link href="https://shop.example/garden">Garden</mj-navbar-link>
  <mj-navbar-link href="https://shop.example/home">Home</mj-navbar-link>
  <mj-navbar-link href="https://shop.example/sale">Sale</mj-navbar-link>
</mj-navbar></mj-column></mj-section>
<mj-hero mode="fixed-height" height="320px" background-color="#24452f" padding="90px 0"
  background-url="https://shop.example/hero.jpg" background-width="600px" background-height="320px">
  <mj-text align="center" color="#ffffff" font-size="34px" line-height="1.2">
    Hello {{ person.first_name | default: "you" | capitalize }}</mj-text>
  <mj-text align="center" color="#dbe6dd" font-size="17px">
    {% if person.city %}{{ campaign.headline }} in {{ person.city }}
    {% else %}{{ campaign.headline }} near you{% endif %}</mj-text>
  <mj-button href="https://shop.example/picks?u={{ person.id }}" background-color="#e2b13c">
    See all</mj-button>
</mj-hero>
<mj-section><mj-column><mj-text font-size="16px" line-height="1.6">
  Dear {{ person.first_name | default: "friend" }},
  {% if person.points > 500 %}you have {{ person.points }} points, which are worth
  {{ person.voucher | money: person.currency }}.
  {% elsif person.points > 0 %}you have {{ person.points }} points already.
  {% else %}collect your first points with your next order.{% endif %}
  You have been with us since {{ person.joined_at | date: "%d %B %Y" }}.</mj-text>
</mj-column></mj-section>
"""
    + _PRODUCT
    + """
{% if order %}
<mj-section background-color="#ffffff"><mj-column>
  <mj-text font-size="20px">Your order {{ order.number }}</mj-text>
  <mj-table>
  <tr><td>Placed</td><td align="right">{{ order.placed_at | date: "%d.%m.%Y %H:%M" }}</td></tr>
  <tr><td>State</td><td align="right">{{ order.state | capitalize }}</td></tr>
  <tr><td>Goods</td><td align="right">{{ order.goods | money: person.currency }}</td></tr>
  <tr><td>Delivery</td><td align="right">{{ order.delivery | money: person.currency }}</td></tr>
  <tr><td>Total</td><td align="right"><b>{{ order.total | money: person.currency }}</b></td></tr>
  </mj-table>
  {% if order.tracking_url %}
  <mj-button href="{{ order.tracking_url }}">Where is it?</mj-button>{% endif %}
</mj-column></mj-section>
{% endif %}
{% if offer %}
<mj-section background-color="#e2b13c" padding="30px 0"><mj-column>
  <mj-text align="center" font-size="22px">{{ offer.title }}</mj-text>
  <mj-text align="center" font-size="30px" letter-spacing="4px">{{ offer.code | upcase }}</mj-text>
  <mj-text align="center" font-size="13px">
    {{ offer.text }}, until {{ offer.until | date: "%A %d %B" }}</mj-text>
</mj-column></mj-section>
{% endif %}
{% if person.store %}
<mj-section><mj-column><mj-text>Your shop: {{ person.store.name }}, {{ person.store.street }},
  {{ person.store.city }}<br />Open {{ person.store.hours }}</mj-text>
  <mj-button href="{{ person.store.map_url }}">Show the way</mj-button></mj-column></mj-section>
{% endif %}
<mj-section><mj-column><mj-social mode="horizontal">
  <mj-social-element name="facebook" href="https://social.example/f">Facebook</mj-social-element>
  <mj-social-element name="instagram" href="https://social.example/i">Instagram</mj-social-element>
  <mj-social-element name="youtube" href="https://social.example/y">Videos</mj-social-element>
</mj-social></mj-column></mj-section>
<mj-section><mj-column><mj-text align="center" font-size="12px" color="#8a8178">
  {{ sender_name }} · {{ postal_address }}<br />You get this at {{ person.email | escape }}.
  <a class="link" href="{{ unsubscribe_url }}">Unsubscribe</a> ·
  <a class="link" href="{{ preferences_url }}">Preferences</a></mj-text></mj-column></mj-section>
</mj-body></mjml>
"""
)
CONSTANTS: dict[str, Any] = {
    "campaign": {"name": "Spring at the shop", "headline": "The first warm days"},
    "sender_name": "The Shop · Café & Home",
    "postal_address": "1 High Street, London",
}
"""What is the same in everybody's mail."""

FROZEN = ("products",)
"""Lists of items that stay the same for the whole run, as a sender's catalog does."""


def template() -> Template:
    """The mail, compiled from MJML."""
    source = TemplateSource.of("spring", mjml=LAYOUT, subject="Hello {{ person.first_name }}")
    return compile_template(source)


class Shop:
    """People and a catalog, drawn.

    Args:
        seed: Draws the same again.
    """

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self._items = [self._item(number) for number in range(ITEMS)]

    def person(self, number: int) -> dict[str, Any]:
        """What one mail is rendered with, without the campaign's constants."""
        draw = self._draw
        token = f"{draw.getrandbits(128):032x}"
        currency = draw.choice(("GBP", "EUR", "CHF"))
        goods = draw.randrange(900, 60_000) / 100
        return {
            "person": {
                "id": f"u{number:07d}",
                "first_name": draw.choice([*_FIRST, None]),
                "email": f"person{number}+mail@shop.example",
                "city": draw.choice([*_CITIES, None]),
                "points": draw.choice([0, None, draw.randrange(2_000)]),
                "voucher": draw.randrange(500, 9_000) / 100,
                "currency": currency,
                "joined_at": f"20{draw.randrange(10, 26)}-{draw.randrange(1, 13):02d}"
                f"-{draw.randrange(1, 29):02d}T{draw.randrange(24):02d}:30:00+00:00",
                "store": draw.choice([None, *_STORES]),
            },
            "products": draw.sample(self._items, PRODUCTS),
            "order": draw.choice([None, self._order(number, goods)]),
            "offer": draw.choice([None, self._offer(token)]),
            "unsubscribe_url": f"https://shop.example/u/{token}",
            "preferences_url": f"https://shop.example/p/{token}",
            "view_url": f"https://shop.example/v/{token}",
        }

    def _item(self, number: int) -> dict[str, Any]:
        draw = self._draw
        price = draw.randrange(300, 30_000) / 100
        return {
            "id": f"sku-{number:05d}",
            "title": f"{draw.choice(_STYLES)} {draw.choice(_THINGS)} {number}",
            "price": price,
            "was": draw.choice([None, round(price * 1.25, 2)]),
            "currency": "GBP",
            "url": f"https://shop.example/p/{number}?ref=mail&n={number}",
            "image_url": f"https://shop.example/i/{number}.jpg",
            "category": draw.choice(_CATEGORIES),
            "reason": draw.choice(["often bought with what you have", "new this week", ""]),
            "label": draw.choice([None, "Buy it", "Reserve"]),
            "stock": draw.randrange(40),
        }

    def _order(self, number: int, goods: float) -> dict[str, Any]:
        draw = self._draw
        return {
            "number": f"A-{number}",
            "placed_at": f"2026-11-{draw.randrange(1, 24):02d}"
            f"T{draw.randrange(24):02d}:15:00+00:00",
            "state": draw.choice(["packed", "on its way", "delivered"]),
            "goods": goods,
            "delivery": 4.9,
            "total": round(goods + 4.9, 2),
            "tracking_url": draw.choice([None, f"https://parcels.example/{number}"]),
        }

    def _offer(self, token: str) -> dict[str, Any]:
        return {
            "title": "10 % off all you can carry",
            "code": token[:8],
            "text": "Once, from £20 on",
            "until": f"2026-12-{self._draw.randrange(1, 29):02d}",
        }


_STORES = [
    {
        "name": f"The Shop {city}",
        "street": f"{number} High Street",
        "city": city,
        "hours": "9-18 h",
        "map_url": f"https://maps.example/?q={number}",
    }
    for number, city in zip(itertools.count(1), _CITIES, strict=False)
]

"""Notifications of Shopify: Liquid over orders, shops and customers."""

from typing import ClassVar

from vocative.compose.dialects._liquid_family import LiquidFamily
from vocative.compose.dialects._liquid_rules import FilterRule, nearly

_CENTS = (
    "an amount in cents is divided by 100 and printed without the shop's currency;"
    ' add a currency: money: "EUR"'
)
_NO_ASSETS = "the address is printed as it is: pictures of a shop's theme are not reached from here"


_DATES = {
    "default": "%B %-d, %Y",
    "abbreviated_date": "%b %-d, %Y",
    "basic": "%-m/%-d/%Y",
    "date": "%B %-d, %Y",
    "date_at_time": "%B %-d, %Y at %-I:%M %P",
    "long": "%B %-d, %Y %H:%M",
    "month_day": "%B %-d",
    "short": "%-d %b %H:%M",
}


def _amount(difference: str = _CENTS) -> FilterRule:
    return nearly("divided_by: 100.0 | money", difference, arguments=False)


class Shopify(LiquidFamily):
    """Liquid as in the notifications of Shopify."""

    title = "Shopify notifications"
    people = frozenset(("customer",))
    names: ClassVar = {
        "email": "person.email",
        "shop.name": "sender_name",
        "shop_name": "sender_name",
        "unsubscribe_url": "unsubscribe_url",
    }
    filters: ClassVar = {
        "date": FilterRule(formats=_DATES),
        "money": _amount(),
        "money_with_currency": _amount(),
        "money_without_currency": _amount(),
        "money_without_trailing_zeros": _amount(
            "an amount in cents is divided by 100 and printed with two decimals"
        ),
        "asset_url": nearly("strip", _NO_ASSETS, arguments=False),
        "cdn_asset_url": nearly("strip", _NO_ASSETS, arguments=False),
        "image_url": nearly("strip", _NO_ASSETS, arguments=False),
        "img_url": nearly("strip", _NO_ASSETS, arguments=False),
        "payment_icon_png_url": nearly("strip", _NO_ASSETS, arguments=False),
        "payment_type_img_url": nearly("strip", _NO_ASSETS, arguments=False),
        "product_img_url": nearly("strip", _NO_ASSETS, arguments=False),
        "shopify_asset_url": nearly("strip", _NO_ASSETS, arguments=False),
        "format_address": nearly(
            "strip", "the address is printed as the trait holds it", arguments=False
        ),
    }

"""Invented words: places, people's names, the shop's categories and the parts of product titles.

Only vocabulary; nothing is drawn here. Names are ordinary first and last names of a language,
combined at random; towns and time zones are real so that local time means something.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Place:
    """A town customers live in, with its share of all customers."""

    country: str
    city: str
    zone: str
    language: str
    dial: str
    weight: float


def _places(country: str, language: str, dial: str, *towns: tuple[str, str, float]) -> list[Place]:
    return [
        Place(country=country, city=city, zone=zone, language=language, dial=dial, weight=weight)
        for city, zone, weight in towns
    ]


_LONDON, _BERLIN = "Europe/London", "Europe/Berlin"

PLACES: tuple[Place, ...] = (
    *_places(
        "United Kingdom",
        "en",
        "+44",
        ("London", _LONDON, 12),
        ("Manchester", _LONDON, 8),
        ("Bristol", _LONDON, 6),
        ("Leeds", _LONDON, 6),
        ("Edinburgh", _LONDON, 5),
        ("Cardiff", _LONDON, 4),
    ),
    *_places("Ireland", "en", "+353", ("Dublin", "Europe/Dublin", 4), ("Cork", "Europe/Dublin", 1)),
    *_places(
        "United States",
        "en",
        "+1",
        ("New York", "America/New_York", 6),
        ("Chicago", "America/Chicago", 4),
        ("Denver", "America/Denver", 2),
        ("Seattle", "America/Los_Angeles", 5),
    ),
    *_places(
        "Canada",
        "en",
        "+1",
        ("Toronto", "America/Toronto", 2),
        ("Vancouver", "America/Vancouver", 1),
    ),
    *_places(
        "Germany",
        "de",
        "+49",
        ("Berlin", _BERLIN, 4),
        ("Hamburg", _BERLIN, 3),
        ("Köln", _BERLIN, 3),
    ),
    *_places("France", "fr", "+33", ("Paris", "Europe/Paris", 4), ("Lyon", "Europe/Paris", 3)),
    *_places("Spain", "es", "+34", ("Madrid", "Europe/Madrid", 3), ("Málaga", "Europe/Madrid", 1)),
    *_places("Netherlands", "nl", "+31", ("Utrecht", "Europe/Amsterdam", 3)),
    *_places("Poland", "pl", "+48", ("Kraków", "Europe/Warsaw", 2)),
    *_places("Sweden", "sv", "+46", ("Malmö", "Europe/Stockholm", 2)),
    *_places("Greece", "el", "+30", ("Athens", "Europe/Athens", 1)),
    *_places("India", "en", "+91", ("Pune", "Asia/Kolkata", 2)),
    *_places(
        "Australia",
        "en",
        "+61",
        ("Sydney", "Australia/Sydney", 3),
        ("Perth", "Australia/Perth", 1),
    ),
)

FIRST_NAMES: dict[str, tuple[str, ...]] = {
    "en": tuple(
        "Amelia Oliver Isla George Ava Harry Mia Noah Freya Jack Lily Leo Grace Oscar Ruby Arthur "
        "Evie Theo Poppy Finley Priya Arjun Zara Owen Niamh Rhys Siân Callum Maeve Jude Hannah "
        "Dylan Imogen Ravi Chloé Martha Tom Beth Kofi Ngozi".split()
    ),
    "de": tuple(
        "Jürgen Anna Lukas Sophie Jörg Lena Björn Käthe Felix Greta Günter Mareike Moritz Ute "
        "Sören Heike".split()
    ),
    "fr": tuple(
        "Zoé Hélène Léa Théo Jérôme Chloé Noémie François Élodie Rémi Anaïs Gaël Inès Maël".split()
    ),
    "es": tuple("Lucía José Íñigo Sofía Martín Begoña Álvaro Nuria Raúl Inés Andrés Pilar".split()),
    "nl": tuple("Sanne Daan Fleur Bram Lotte Sjoerd Anouk Thijs Maud Joost".split()),
    "pl": tuple("Zofia Łukasz Małgorzata Paweł Agnieszka Michał Żaneta Bartosz".split()),
    "sv": tuple("Åsa Elin Göran Maja Björn Ebba Håkan Saga".split()),
    "el": tuple("Ελένη Γιώργος Maria Νίκος Katerina Δήμητρα".split()),
}

LAST_NAMES: dict[str, tuple[str, ...]] = {
    "en": (
        *"Smith Jones Taylor Brown Evans Patel Walker Wright Hughes Green Hall Lewis".split(),
        *"Clarke Khan Turner Hill Cooper Ward Morris O'Connor O'Neill Okafor Bell Shaw Fox".split(),
        "St. John",
        "Fox & Daughters",
    ),
    "de": tuple("Müller Schröder Weiß Köhler Becker Groß Vogel Jäger Krüger Böhm".split()),
    "fr": ("Dupont", "Lefèvre", "Girard", "D'Arcy", "L'Hôte", "Moreau", "Bérard", "Faure"),
    "es": ("García", "Muñoz", "Ibáñez", "Peña", "Núñez", "Soler", "de la Cruz"),
    "nl": ("de Vries", "van 't Hof", "Bakker", "Visser", "van den Berg", "Smit"),
    "pl": ("Wójcik", "Kowalczyk", "Zieliński", "Dąbrowska", "Nowak"),
    "sv": ("Åkesson", "Lindström", "Öberg", "Nyström", "Sjöberg"),
    "el": ("Παπαδοπούλου", "Georgiou", "Νικολάου", "Makris"),
}

# First names as people really type them: every one must survive into a mail, escaped.
AWKWARD_FIRST_NAMES = (
    "Tom & Ann",
    'Mary "Molly"',
    "<Sam>",
    "D'Angelo",
    "Anna-Lena",
    "JEAN PAUL",
    "  Kim ",
    "Zoë 🌿",
    "{{first_name}}",
    "Lee <3",
)

MAIL_DOMAINS: tuple[tuple[str, float], ...] = (
    ("example.com", 30),
    ("mail.example.com", 22),
    ("post.example.net", 14),
    ("example.org", 12),
    ("inbox.example.org", 9),
    ("example.net", 7),
    ("home.example.net", 4),
    ("work.example.com", 2),
)
DISPOSABLE_DOMAIN = "throwaway.example.net"
ROLE_NAMES = ("info", "sales", "office", "support", "postmaster", "admin")

BRANDS = (
    "Fennel & Rye",
    "Harrowdale",
    "Little Quay",
    "Marrow & Mint",
    "Oakhollow",
    "Tansy Lane",
    "Bramblewick",
    "Kettle Row",
    "Saltferry",
    "Ember & Wool",
    "Quillmoor",
    "Dovecote Nine",
)

ADJECTIVES = (
    "Everyday Hand-glazed Speckled Heavy Slim Woven Brushed Striped Plain Rustic Fluted Smoked "
    "Ribbed Coastal Classic Tall Nested Foldable Linen-grey Moss-green Terracotta Midnight "
    "Scalloped Generous"
).split()


@dataclass(frozen=True, kw_only=True)
class CategoryWords:
    """One department: its products, a middle price, how often a product runs out, its season.

    `cycle_days` is 0 where things are bought once; `season` is the demand per month, January
    first, around 1.
    """

    name: str
    nouns: tuple[str, ...]
    price: float
    share: float
    cycle_days: int
    season: tuple[float, ...]


_FLAT = (1.0,) * 12
_WINTER = (1.1, 1.0, 0.9, 0.8, 0.7, 0.6, 0.6, 0.7, 1.0, 1.3, 1.7, 1.9)
_GIFTS = (0.7, 0.9, 0.9, 0.9, 1.0, 0.9, 0.8, 0.8, 0.9, 1.1, 1.7, 2.2)
_SPRING = (0.6, 1.0, 1.7, 1.9, 1.5, 1.0, 0.8, 0.8, 1.0, 0.8, 0.5, 0.4)
_SUMMER = (0.4, 0.5, 0.9, 1.3, 1.7, 1.9, 1.8, 1.3, 0.8, 0.5, 0.4, 0.4)


def _category(
    name: str,
    price: float,
    share: float,
    nouns: str,
    *,
    cycle_days: int = 0,
    season: tuple[float, ...] = _FLAT,
) -> CategoryWords:
    return CategoryWords(
        name=name,
        nouns=tuple(noun.strip() for noun in nouns.split(",")),
        price=price,
        share=share,
        cycle_days=cycle_days,
        season=season,
    )


CATEGORIES: tuple[CategoryWords, ...] = (
    _category("Kitchen", 24, 1.4, "Casserole, Skillet, Mixing Bowl, Bread Knife, Colander, Whisk"),
    _category(
        "Tableware", 18, 1.2, "Dinner Plate, Mug, Serving Board, Carafe, Pasta Bowl, Tumbler"
    ),
    _category(
        "Coffee & Tea",
        9,
        1.2,
        "Ground Coffee, Coffee Beans, Breakfast Tea, Herbal Tea, Filter Papers, Cocoa",
        cycle_days=34,
    ),
    _category(
        "Candles & Scent",
        14,
        1.0,
        "Soy Candle, Reed Diffuser, Room Spray, Tea Lights, Incense",
        cycle_days=52,
        season=_WINTER,
    ),
    _category("Bath", 19, 0.9, "Bath Towel, Bath Mat, Soap Dish, Hand Towel, Shower Caddy"),
    _category("Bedding", 48, 0.9, "Duvet Cover, Pillowcase Pair, Wool Throw, Fitted Sheet, Quilt"),
    _category("Lighting", 42, 0.8, "Table Lamp, Pendant, Night Light, Lantern", season=_WINTER),
    _category("Storage", 21, 0.9, "Basket, Storage Jar, Drawer Box, Peg Rail, Laundry Hamper"),
    _category("Garden Tools", 23, 0.9, "Trowel, Secateurs, Hand Fork, Hoe, Dibber", season=_SPRING),
    _category(
        "Seeds & Bulbs",
        5,
        1.0,
        "Tomato Seeds, Sweet Pea Seeds, Tulip Bulbs, Herb Seeds, Salad Seeds",
        cycle_days=75,
        season=_SPRING,
    ),
    _category("Pots & Planters", 22, 1.0, "Planter, Window Box, Plant Pot, Saucer", season=_SPRING),
    _category(
        "Outdoor Living", 55, 0.7, "Deck Chair, Picnic Rug, Fire Bowl, Parasol", season=_SUMMER
    ),
    _category(
        "Cleaning",
        7,
        1.1,
        "Dish Soap, Laundry Liquid, Scrub Brush, Surface Spray, Sponge Cloths",
        cycle_days=41,
    ),
    _category(
        "Pet Corner", 13, 0.7, "Dog Biscuits, Cat Treats, Pet Shampoo, Chew Rope", cycle_days=30
    ),
    _category(
        "Stationery & Gifts", 11, 0.8, "Notebook, Gift Wrap, Desk Diary, Cards", season=_GIFTS
    ),
)

# Words of a subject line that make someone who likes a department look up.
CATEGORY_KEYWORDS: dict[str, tuple[str, ...]] = {
    "Kitchen": ("kitchen", "cooking"),
    "Tableware": ("tableware", "table setting"),
    "Coffee & Tea": ("coffee", "tea"),
    "Candles & Scent": ("candle", "candles", "scent"),
    "Bath": ("bath", "bathroom"),
    "Bedding": ("bedding", "bedroom"),
    "Lighting": ("lighting", "lamps"),
    "Storage": ("storage", "baskets"),
    "Garden Tools": ("garden", "gardening"),
    "Seeds & Bulbs": ("seeds", "bulbs"),
    "Pots & Planters": ("pots", "planters"),
    "Outdoor Living": ("outdoor", "outdoors"),
    "Cleaning": ("cleaning", "laundry"),
    "Pet Corner": ("pet", "pets"),
    "Stationery & Gifts": ("stationery", "gifts"),
}

# Overall demand per month, January first.
SHOP_SEASON = (0.88, 0.9, 0.97, 1.02, 1.03, 0.97, 0.9, 0.88, 0.98, 1.05, 1.3, 1.35)
# Visits per weekday, Monday first, for somebody who prefers neither weekdays nor weekends.
WEEKDAYS = (0.98, 0.96, 0.97, 0.98, 0.95, 1.02, 1.14)

"""Invented names, places and texts: drawn once with Faker, combined at will."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from faker import Faker

if TYPE_CHECKING:
    from constantcontact_sandbox.records import BounceCode, Device

#: Where the people come from, and how the address of such a place is written.
LOCALES = ("en_US", "de_DE", "fr_FR", "es_MX", "pl_PL", "ja_JP")
_PROVIDERS = [f"faker.providers.{name}" for name in ("person", "company", "address", "job")]
_NAMES, _PLACES = 120, 25

#: Names that programs stumble over.
AWKWARD_NAMES: tuple[tuple[str | None, str | None], ...] = (
    ("Robert'); DROP TABLE contacts;--", "O'Brien"),
    ('Dwayne "The Rock"', "Johnson, Jr."),
    ("Zoë 🎂", "Núñez-Ångström"),
    ("محمد", "عبد الله"),
    ("נועה", "כהן"),
    ("小林", "さくら"),
    ("Back\\slash", "Per%cent_under"),
    ("NULL", "null"),
    ("  padded  ", "tab\tin the middle"),
    ("True", "1e5"),
    ("{{ first_name }}", "<b>bold</b>"),
    (None, "Onlylast"),
    ("Onlyfirst", None),
    (None, None),
)

LISTS: tuple[tuple[str, str | None], ...] = (
    ("General Interest", None),
    ("Customers", "People who bought something."),
    ("Bread of the month 🥖", "Every first Monday"),
    ("Workshops", None),
    ('The "inner" circle', "O'Brien's friends; ask first"),
    ("Événements à Montréal", "Deux langues"),
    ("Wholesale", None),
)
TAGS = ("VIP", "gold card", "came by referral", "vegan", "market stall", "100% sourdough", "früh")
SUBJECTS = (
    "What is baking this month",
    "The rye is back",
    "Our biggest sale of the year 🎉",
    "Three places left in the workshop",
    "Your voucher inside",
    "How we make our starter",
    'The "secret" recipe',
    "Closed on Monday; open on Sunday",
    "A letter from Ada",
    "We'd love your opinion",
)
PAGES = (
    "https://bakery.example.com/shop?utm_source=newsletter&utm_medium=email",
    "https://bakery.example.com/recipes/rye",
    "https://bakery.example.com/workshops#dates",
    "https://www.facebook.example.com/TheExampleBakery",
    "https://bakery.example.com/voucher/50%25-off?name=a%20b",
)
REASONS = ("Too many e-mails", "I never signed up", "The content is not what I expected", None)
NOTES = (
    "Called about the wedding cake.",
    "Prefers e-mail.\nNo calls before 10.",
    "Met at the market; allergic to nuts.",
)
BOUNCES: tuple[BounceCode, ...] = ("B", "D", "F", "S", "V", "X", "Z")
#: How often each kind of device opens; of some opens it is not known.
DEVICES: tuple[Device | None, ...] = (
    *("computer",) * 8,
    *("mobile",) * 9,
    *("tablet",) * 2,
    "other",
    None,
)


@dataclass(frozen=True)
class Place:
    """Where somebody lives."""

    street: str
    city: str
    postal_code: str
    country: str


@dataclass(frozen=True)
class Folk:
    """People of one language: what they are called, where they live and what they do."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    companies: tuple[str, ...]
    jobs: tuple[str, ...]
    places: tuple[Place, ...]
    mailboxes: tuple[tuple[str, ...], tuple[str, ...]]

    def mailbox(self, first: int, last: int) -> str:
        """Return what an e-mail address of that first and last name begins with."""
        return f"{self.mailboxes[0][first]}.{self.mailboxes[1][last]}"


def folks(seed: int) -> tuple[Folk, ...]:
    """Invent some people of each language."""
    return tuple(_folk(locale, seed) for locale in LOCALES)


def _folk(locale: str, seed: int) -> Folk:
    faker = Faker(locale, providers=_PROVIDERS, use_weighting=False)
    faker.seed_instance(seed)
    first_names = tuple(faker.first_name() for _ in range(_NAMES))
    last_names = tuple(faker.last_name() for _ in range(_NAMES))
    return Folk(
        first_names=first_names,
        last_names=last_names,
        companies=tuple(faker.company()[:50] for _ in range(_PLACES)),
        jobs=tuple(faker.job()[:50] for _ in range(_PLACES)),
        places=tuple(
            Place(
                faker.street_address().replace("\n", ", ")[:255],
                faker.city()[:50],
                faker.postcode()[:50],
                faker.current_country()[:50],
            )
            for _ in range(_PLACES)
        ),
        mailboxes=(tuple(map(_ascii, first_names)), tuple(map(_ascii, last_names))),
    )


def _ascii(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return "".join(c for c in plain.lower() if c.isalnum())[:20] or "reader"

"""Where an account is present on social networks, and the hashtags it keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from constantcontact_sandbox.holder import Holder

if TYPE_CHECKING:
    from constantcontact_sandbox.clock import Clock

Network = Literal["facebook", "instagram", "linkedin", "tiktok"]

#: Networks that tell neither the address of an account nor the handle of a profile.
_RESERVED: frozenset[Network] = frozenset({"facebook"})


@dataclass(slots=True)
class NetworkAccount:
    """Somebody's account on a social network."""

    network: Network
    network_account_id: str
    username: str
    display_name: str
    image_url: str
    account_url: str | None = None


@dataclass(slots=True)
class Connection:
    """That the owner of a network's account allowed the use of it, and how well that works."""

    account: NetworkAccount
    has_token: bool = True
    token_is_valid: bool = True
    token_has_scopes: bool = True
    rate_limited: bool = False
    error: str | None = None
    status: int | None = None


@dataclass(slots=True)
class Profile:
    """A page or the like on a social network, to which one can post."""

    profile_id: str
    account: NetworkAccount
    name: str
    network_profile_id: str
    url: str
    handle: str | None = None
    connected: bool = True
    accessible: bool = True


@dataclass(slots=True)
class HashtagGroup:
    """Hashtags that go together."""

    hashtag_group_id: str
    name: str
    hashtags: tuple[str, ...]


class Social(Holder):
    """Profiles and hashtag groups by their ids, connections by network and account.

    Whatever is removed is gone. None of it tells when it changed.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.social_connections: dict[tuple[str, str], Connection] = {}
        self.social_profiles: dict[str, Profile] = {}
        self.hashtag_groups: dict[str, HashtagGroup] = {}

    def connect(self, network: Network, username: str) -> Connection:
        """Connect an account on a network; it has no profile yet."""
        open_to_all = network not in _RESERVED
        account = NetworkAccount(
            network,
            str(10**15 + self.chance.below(10**15)),
            username,
            username.title(),
            f"https://{network}.example.com/{username}.jpg",
            f"https://{network}.example.com/{username}" if open_to_all else None,
        )
        connection = Connection(account)
        self.social_connections[network, account.network_account_id] = connection
        return connection

    def spoil(self, connection: Connection, error: str, status: int) -> None:
        """Let the network refuse the connection: its profiles cannot be posted to."""
        connection.token_is_valid = False
        connection.error, connection.status = error, status
        for profile in self.profiles_of(connection):
            profile.accessible = False

    def disconnect(self, connection: Connection) -> None:
        """End the connection: it is gone, and so are its profiles."""
        for profile in self.profiles_of(connection):
            self.remove_profile(profile)
        del self.social_connections[
            connection.account.network, connection.account.network_account_id
        ]

    def profiles_of(self, connection: Connection) -> list[Profile]:
        """Return the profiles that a connection leads to."""
        return [
            each for each in self.social_profiles.values() if each.account is connection.account
        ]

    def add_profile(self, connection: Connection, name: str) -> Profile:
        """Add a profile of a connected account."""
        account = connection.account
        handle = "".join(c for c in name.lower() if c.isalnum())
        profile = Profile(
            self.chance.uuid(),
            account,
            name,
            str(self.chance.below(10**12)),
            f"https://{account.network}.example.com/{handle}",
            None if account.network in _RESERVED else handle,
        )
        self.social_profiles[profile.profile_id] = profile
        return profile

    def remove_profile(self, profile: Profile) -> None:
        """Remove the profile: it is gone."""
        del self.social_profiles[profile.profile_id]

    def add_hashtag_group(self, name: str, *hashtags: str) -> HashtagGroup:
        """Keep some hashtags, written without their `#`."""
        group = HashtagGroup(self.chance.uuid(), name, hashtags)
        self.hashtag_groups[group.hashtag_group_id] = group
        return group

    def remove_hashtag_group(self, group: HashtagGroup) -> None:
        """Remove the group: it is gone."""
        del self.hashtag_groups[group.hashtag_group_id]

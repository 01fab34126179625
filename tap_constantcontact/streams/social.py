"""Where the account is present on social networks, and the hashtags it keeps.

Source: the vendor's guide, "Social"; docs/api-notes.md, "Hashtag groups come in pages with
numbers".
"""

from __future__ import annotations

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream

NETWORK_ACCOUNT = {
    "network": "The network: facebook, instagram, linkedin or tiktok",
    "network_account_id": "The account on the network, by the network's own id",
    "username": "Its name to sign in with",
    "display_name": "Its name, as the network shows it",
    "account_url": "Its page, where the network tells it",
    "image_url": "Its picture",
}
"""The fields of an account on a network, and what they say."""


class SocialProfiles(ConstantContactStream):
    """The pages on social networks to which the account can post."""

    name = "social_profiles"
    path = "/social/profiles"
    params = {"include": "accessible"}
    primary_keys = ("profile_id",)
    unfolded = {"account_info": "account_info__"}
    vanishes = True
    scope = "campaign_data"
    privilege = "campaign:read"
    schema = th.PropertiesList(
        th.Property("profile_id", th.StringType, required=True, description="The profile."),
        th.Property("network", th.StringType, description="The network: facebook, tiktok …"),
        th.Property("name", th.StringType, description="Its name, as the network shows it."),
        th.Property("handle", th.StringType, description="Its name in addresses."),
        th.Property("url", th.StringType, description="Its page."),
        th.Property("image_url", th.StringType, description="Its picture."),
        th.Property("connected", th.BooleanType, description="Whether the account uses it."),
        th.Property("accessible", th.BooleanType, description="Whether it can be posted to now."),
        th.Property("network_profile_id", th.StringType, description="The network's own id of it."),
        th.Property("network_user_id", th.StringType, description="The network's id of its user."),
        th.Property(
            "settings",
            th.ObjectType(additional_properties=True),
            description="What the network allows in posts; tiktok alone has any.",
        ),
        *(
            th.Property(f"account_info__{name}", th.StringType, description=f"{what}.")
            for name, what in NETWORK_ACCOUNT.items()
        ),
    ).to_dict()


class SocialConnections(ConstantContactStream):
    """The accounts on social networks that are connected, and how well that works."""

    name = "social_connections"
    path = "/social/connections"
    records_key = "connections"
    primary_keys = ("network", "network_account_id")
    unfolded = {"account_info": "", "connection_status": "connection_status__"}
    vanishes = True
    scope = "campaign_data"
    privilege = "campaign:read"
    schema = th.PropertiesList(
        *(
            th.Property(
                name,
                th.StringType,
                required=name in {"network", "network_account_id"},
                description=f"{what}.",
            )
            for name, what in NETWORK_ACCOUNT.items()
        ),
        th.Property(
            "connection_status__status",
            th.IntegerType,
            description="What the network answered when it was asked last; nothing if well.",
        ),
        th.Property("connection_status__error", th.StringType, description="What is wrong."),
        th.Property(
            "connection_status__has_token", th.BooleanType, description="Whether access was given."
        ),
        th.Property(
            "connection_status__token_is_valid",
            th.BooleanType,
            description="Whether that access is still good.",
        ),
        th.Property(
            "connection_status__token_has_scopes",
            th.BooleanType,
            description="Whether it covers all that is needed.",
        ),
        th.Property(
            "connection_status__is_active_user",
            th.BooleanType,
            description="Whether any of its profiles is used.",
        ),
        th.Property(
            "connection_status__rate_limited",
            th.BooleanType,
            description="Whether the network wants fewer requests for now.",
        ),
    ).to_dict()


class SocialHashtagGroups(ConstantContactStream):
    """The hashtags that the account keeps together, to post them so."""

    name = "social_hashtag_groups"
    path = "/social/hashtags/groups"
    page_size = 5
    records_key = "hashtag_groups"
    primary_keys = ("hashtag_group_id",)
    vanishes = True
    scope = "campaign_data"
    privilege = "campaign:read"
    schema = th.PropertiesList(
        th.Property("hashtag_group_id", th.StringType, required=True, description="The group."),
        th.Property("hashtag_group_name", th.StringType, description="Its name."),
        th.Property(
            "hashtag_names",
            th.ArrayType(th.StringType),
            description="The hashtags, without their #.",
        ),
    ).to_dict()

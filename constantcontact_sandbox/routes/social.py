"""Social networks: /social."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import API_PREFIX, SOCIAL
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.routes.shapes import present, said

if TYPE_CHECKING:
    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.social import Connection, Profile

_GROUPS_A_PAGE = 5  # by default and at most
_TIKTOK_SETTINGS = {
    "content": {
        "comment_disabled": False,
        "duet_disabled": True,
        "stitch_disabled": True,
        "max_video_post_duration_sec": 600,
    }
}


def profiles(call: Call) -> list[dict[str, Any]]:
    """Show the profiles; whether one can post to them only when asked for."""
    include = call.words("include", known=frozenset({"accessible"}))
    return [_profile(each, asked=bool(include)) for each in call.account.social_profiles.values()]


def connections(call: Call) -> dict[str, Any]:
    """Show the connected accounts and how well the connections work."""
    return {
        "connections": [
            {
                "account_info": present(each.account),
                "connection_status": _status(call, each),
            }
            for each in call.account.social_connections.values()
        ]
    }


def hashtag_groups(call: Call) -> dict[str, Any]:
    """Show the hashtag groups: the only collection whose pages have numbers."""
    size = call.limit(_GROUPS_A_PAGE, _GROUPS_A_PAGE)
    number = call.text("page") or "0"
    if not number.isdecimal():
        raise call.invalid("page")
    page, groups = int(number), list(call.account.hashtag_groups.values())
    rows = groups[page * size : (page + 1) * size]
    pages = -(-len(groups) // size)
    links: dict[str, Any] = {}
    if page + 1 < pages:
        links["next"] = {"href": f"{API_PREFIX}{call.path}?limit={size}&page={page + 1}"}
    return {
        "_links": links,
        "hashtag_groups": [
            {
                "hashtag_group_id": each.hashtag_group_id,
                "hashtag_group_name": each.name,
                "hashtag_names": list(each.hashtags),
            }
            for each in rows
        ],
        "page": {
            "page": page,
            "size": len(rows),
            "total_elements": len(groups),
            "total_pages": pages,
        },
    }


def _profile(profile: Profile, *, asked: bool) -> dict[str, Any]:
    account = profile.account
    shown = said(
        account_info=present(account),
        connected=profile.connected,
        handle=profile.handle,
        image_url=account.image_url,
        name=profile.name,
        network=account.network,
        network_profile_id=profile.network_profile_id,
        network_user_id=account.network_account_id,
        profile_id=profile.profile_id,
        url=profile.url,
    )
    if asked:
        shown["accessible"] = profile.accessible
        if account.network == "tiktok":
            shown["settings"] = _TIKTOK_SETTINGS
    return shown


def _status(call: Call, connection: Connection) -> dict[str, Any]:
    return said(
        error=connection.error,
        has_token=connection.has_token,
        is_active_user=any(each.connected for each in call.account.profiles_of(connection)),
        rate_limited=connection.rate_limited,
        status=connection.status,
        token_has_scopes=connection.token_has_scopes,
        token_is_valid=connection.token_is_valid,
    )


ROUTES = (
    Route("/social/profiles", profiles, SOCIAL, "campaign_data", "campaign:read"),
    Route("/social/connections", connections, SOCIAL, "campaign_data", "campaign:read"),
    Route("/social/hashtags/groups", hashtag_groups, SOCIAL, "campaign_data", "campaign:read"),
)

"""What the account wants to know of its contacts.

Source: the vendor's guide, "Contact Custom Fields".
"""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream

METADATA: tuple[th.Property[Any], ...] = (
    th.Property(
        "display_type", th.StringType, description="How choices are shown: checkbox, radio …"
    ),
    th.Property("display_format", th.StringType, description="How a date or a number is written."),
    th.Property("integer", th.BooleanType, description="Whether a number must be whole."),
    th.Property(
        "allow_negative", th.BooleanType, description="Whether a number may be less than 0."
    ),
    th.Property(
        "decimal_places", th.IntegerType, description="Digits after the point that are kept."
    ),
    th.Property("currency_code", th.StringType, description="The currency: three letters."),
)
"""The fields of a custom field's `metadata`: columns `metadata__…`."""


class ContactCustomFields(ConstantContactStream):
    """The custom fields that contacts may have, and the choices that some of them offer."""

    name = "contact_custom_fields"
    path = "/contact_custom_fields"
    page_size = 100
    records_key = "custom_fields"
    primary_keys = ("custom_field_id",)
    unfolded = {"metadata": "metadata__"}
    vanishes = True
    scope = "contact_data"
    privilege = "contacts:read"
    schema = th.PropertiesList(
        th.Property("custom_field_id", th.StringType, required=True, description="The field."),
        th.Property("label", th.StringType, description="Its name, as people see it."),
        th.Property(
            "name", th.StringType, description="Its name for programs; changes with the label."
        ),
        th.Property(
            "type",
            th.StringType,
            description="string, text_area, date, datetime, number, currency, boolean, "
            "single_select or multi_select.",
        ),
        th.Property(
            "version",
            th.IntegerType,
            description="1 for the first kinds of fields, whose dates are text; 2 for typed ones.",
        ),
        *(
            th.Property(f"metadata__{field.name}", field.wrapped, description=field.description)
            for field in METADATA
        ),
        th.Property(
            "choices",
            th.ArrayType(
                th.ObjectType(
                    th.Property("choice_id", th.StringType, description="The choice."),
                    th.Property("choice_label", th.StringType, description="What people see."),
                    th.Property("custom_field_id", th.StringType, description="Its field."),
                    th.Property("display_order", th.IntegerType, description="Its place."),
                    th.Property("created_at", th.DateTimeType, description="When it was added."),
                    th.Property("updated_at", th.DateTimeType, description="When it changed."),
                    th.Property("deleted_at", th.DateType, description="The day it was deleted."),
                    additional_properties=True,
                )
            ),
            description="What it offers, if it is one to choose from; deleted choices, too.",
        ),
        th.Property("created_at", th.DateTimeType, description="When it was made."),
        th.Property("updated_at", th.DateTimeType, description="When it changed."),
    ).to_dict()

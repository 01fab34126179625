"""`python -m tap_constantcontact` is `tap-constantcontact`."""

from tap_constantcontact.tap import TapConstantContact

if __name__ == "__main__":
    TapConstantContact.cli()

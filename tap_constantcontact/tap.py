"""The tap as the SDK knows it: its settings, its streams, its commands; all wiring is here."""

from __future__ import annotations

import copy
import gc
import io
import json
import logging
import os
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

import click
from singer_sdk import Tap
from singer_sdk.helpers.capabilities import (
    CapabilitiesEnum,
    PluginCapabilities,
    TapCapabilities,
)
from singer_sdk.logging import StructuredFormatter
from singer_sdk.plugin_base import SingerCommand, _ConfigInput
from singer_sdk.singerlib.catalog import Metadata
from typing_extensions import override

from tap_constantcontact import settings
from tap_constantcontact.allowance import Allowance, pacer_and_allowance
from tap_constantcontact.alone import alone
from tap_constantcontact.auth import Authenticator, Grants, fingerprint
from tap_constantcontact.catalogs import catalog_of, misfits
from tap_constantcontact.emitter import Emitter
from tap_constantcontact.errors import QuotaUsed, SettingsError, TapError
from tap_constantcontact.fetcher import THREADS, Fetcher
from tap_constantcontact.interruption import Interrupted, Interruption
from tap_constantcontact.ledger import Ledger, check_is_state
from tap_constantcontact.pacer import Pacer
from tap_constantcontact.planner import Planner
from tap_constantcontact.planner.dependence import lacking_privilege
from tap_constantcontact.run import Run
from tap_constantcontact.settings import Settings
from tap_constantcontact.store import Store, open_store
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.account import AccountSummary, UserPrivileges
from tap_constantcontact.streams.base import ACCOUNT_ID, ConstantContactStream
from tap_constantcontact.survey import Forecast, Survey
from tap_constantcontact.traces import Traces
from tap_constantcontact.transport import (
    TOKEN_REQUESTS_PER_SECOND,
    OAuthClient,
    Patience,
    Transport,
)
from tap_constantcontact.writer import PageWriter

LOG_FORMAT = f"{settings.ENV_PREFIX}LOG_FORMAT"
"""The variable that makes each line of the log an object (`json`)."""

SETTINGS_FILES = "tap_constantcontact.settings_files"
"""Under which name click keeps which files `--config` gave."""

DISCOVERY_TRIES = 2
"""How often discovery asks what may be read: it can do without."""

TOKEN_TRIES = 4
"""How often a token is asked for before the run gives up."""

GARBAGE = 10_000
"""How many more objects than before there are when Python looks for cycles among them."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import FrameType, TracebackType
    from typing import IO

    from singer_sdk.helpers.types import TapState
    from singer_sdk.singerlib import Catalog
    from singer_sdk.streams import Stream


class OneLineCommand(SingerCommand):
    """A command whose errors are one line each, with an exit code of their own."""

    @override
    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command.

        Options such as `--discover` do their work while the command line is parsed, so
        this is the only place that sees all errors.
        """
        try:
            return super().main(*args, **kwargs)
        except TapError as error:
            self.logger.error(str(error))  # noqa: TRY400 - one line, no traceback
            sys.exit(error.exit_code)

    @override
    def excepthook(
        self,
        exc_type: type[BaseException],
        exc_value: BaseException,
        exc_traceback: TracebackType | None,
    ) -> None:
        """Say where it broke. What an unforeseen error says may hold a person, or a token."""
        if issubclass(exc_type, KeyboardInterrupt):
            super().excepthook(exc_type, exc_value, exc_traceback)
            return
        where = "".join(traceback.format_tb(exc_traceback))
        self.logger.error("A bug (%s): please report it.\n%s", exc_type.__name__, where.rstrip())

    @override
    def invoke(self, ctx: click.Context) -> Any:
        """Run what is left to do once the command line is parsed."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # Python would complain about the same pipe once more when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise TapError("The loader stopped reading: see its own messages.") from None


class TapConstantContact(Tap):
    """Reads a Constant Contact account through its V3 API."""

    message_writer: PageWriter
    message_writer_class = PageWriter
    name = settings.NAME
    package_name = settings.NAME
    config_jsonschema: ClassVar[dict[str, Any]] = copy.deepcopy(settings.JSONSCHEMA)
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        TapCapabilities.CATALOG,
        TapCapabilities.STATE,
        TapCapabilities.DISCOVER,
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, *, parse_env_config: bool = False, **options: Any) -> None:  # noqa: ANN401 - passed on
        """Make a tap.

        Args:
            parse_env_config: Whether settings are read from the environment.
            options: The SDK's.

        Raises:
            SettingsError: A setting is missing, misspelt or makes no sense.
        """
        try:
            super().__init__(parse_env_config=parse_env_config, **options)
        except ValueError:
            if parse_env_config:
                settings.check_integers(self.config_jsonschema["properties"])
            raise

    @override
    def discover_streams(self) -> list[ConstantContactStream]:
        return [stream(self) for stream in STREAMS]

    @property
    @override
    def catalog(self) -> Catalog:
        """The streams as they are, with what the given catalog selects of them."""
        return self._singer_catalog

    @override
    def load_state(self, state: dict[str, Any]) -> None:
        self.ledger = Ledger(state)

    @property
    @override
    def state(self) -> TapState:
        return cast("TapState", self.ledger.state() if hasattr(self, "ledger") else {})

    # docs/decisions/0002 says why these two are overridden though the SDK calls them final.

    @override  # type: ignore[misc]
    def sync_all(self) -> None:
        """Read all selected streams in the planner's order."""
        self.ledger.belongs_to(self.authenticator.account())
        fetcher, allowance = self._fetcher()
        try:
            wanted = self._prepare(fetcher)
            self._run(wanted, fetcher, allowance).sync(wanted)
        except QuotaUsed as end:
            if self.settings.fails_at_quota:
                raise
            self.logger.warning(str(end))

    def _prepare(self, fetcher: Fetcher) -> dict[str, ConstantContactStream]:
        """Ask what there is to know before all else; return the streams whose rows are wanted.

        Raises:
            TapError: It cannot be asked.
        """
        if self.input_catalog is None:
            self._deselect_forbidden(fetcher)
        else:
            self._tell_misfits(self.input_catalog)
        self._tell_account(fetcher)
        return {name: stream for name, stream in self._own.items() if stream.selected}

    @override
    def run_discovery(self) -> str:
        """Write the catalog; what whoever signed in may not read cannot be selected in it."""
        self.patience = replace(self.patience, tries=DISCOVERY_TRIES)
        try:
            fetcher, _ = self._fetcher()
        except SettingsError as error:
            self._tell_unknown(error)
        else:
            self._deselect_forbidden(fetcher)
            fetcher.close()
        return super().run_discovery()

    def _deselect_forbidden(self, fetcher: Fetcher) -> None:
        """Ask what whoever signed in may do; deselect the streams that this does not allow."""
        stream = self._own[UserPrivileges.name]
        try:
            # No rows are made of it: what they say of whose they are may not be known yet.
            privileges = stream.records(fetcher.ask_first(stream.all()))
        except Interrupted:
            raise
        except TapError as error:
            self._tell_unknown(error)
            return
        held = {privilege.get("privilege_name") for privilege in privileges}
        missing: dict[str, list[str]] = {}
        for each in self._own.values():
            if privilege := lacking_privilege(type(each), held):
                missing.setdefault(privilege, []).append(each.name)
                each.metadata.root.inclusion = Metadata.InclusionType.UNSUPPORTED
        if missing:
            self.logger.warning(
                "Whoever signed in lacks privileges, so these streams cannot be selected: %s.",
                "; ".join(f"{', '.join(names)} ({it})" for it, names in missing.items()),
            )

    def _tell_misfits(self, catalog: Catalog) -> None:
        """Say in what the given catalog is of another version, or of other settings."""
        if found := misfits(catalog, self._own):
            self.logger.warning(
                "The catalog does not fit this version of the tap and its settings (%s):"
                " discover it again (with Meltano: --refresh-catalog).",
                "; ".join(found),
            )

    def _tell_unknown(self, error: TapError) -> None:
        self.logger.warning(
            "What whoever signed in may read is not known, so every stream can be selected: %s",
            error,
        )

    def _tell_account(self, fetcher: Fetcher) -> None:
        """Let each row say whose it is, if that is wanted.

        Raises:
            TapError: It cannot be asked.
        """
        if self.settings.adds_account_id:
            summary = self._own[AccountSummary.name].all()
            account = {ACCOUNT_ID: fetcher.ask_first(summary)["encoded_account_id"]}
            for stream in self._own.values():
                stream.account = account

    @override  # type: ignore[misc]
    def run_sync_dry_run(
        self,
        dry_run_record_limit: int | None = 1,
        streams: Iterable[Stream] | None = None,
    ) -> bool:
        """Read a few rows of each stream, selected or not; the state stays as it is."""
        names = {stream.name for stream in streams or self.streams.values()}
        wanted = {name: stream for name, stream in self._own.items() if name in names}
        for stream in wanted.values():
            stream.selected = True
        self.ledger.belongs_to(self.authenticator.account())
        fetcher, allowance = self._fetcher()
        self._tell_account(fetcher)
        self._run(wanted, fetcher, allowance).sample(wanted, dry_run_record_limit)
        return True

    @property
    def _own(self) -> dict[str, ConstantContactStream]:
        """The streams, known as what they are."""
        return {
            name: stream
            for name, stream in self.streams.items()
            if isinstance(stream, ConstantContactStream)
        }

    def forecast(self) -> Forecast:
        """Return what the next runs will cost, from a few calls.

        Raises:
            TapError: The API cannot be asked.
        """
        first = [
            *([UserPrivileges.name] if self.input_catalog is None else []),
            *([AccountSummary.name] if self.settings.adds_account_id else []),
        ]
        fetcher, allowance = self._fetcher()
        try:
            return Survey(
                self._own,
                self._prepare(fetcher),
                Ledger(self.ledger.state()),
                self.settings,
                fetcher,
                spent=lambda: allowance.calls,
                first=first,
            ).forecast()
        finally:
            fetcher.close()

    def _run(
        self,
        wanted: Mapping[str, ConstantContactStream],
        fetcher: Fetcher,
        allowance: Allowance,
    ) -> Run:
        """Wire a run."""

        def plan() -> Planner:
            return Planner(self._own, wanted, self.ledger, self.settings, fetcher.began)

        account = fingerprint(self.settings.refresh_token or "")
        dates = (self.config.get("start_date") or "", self.config.get("end_date") or "")
        emitter = Emitter(
            self.message_writer,
            lambda state: self.state_writer.write_state(cast("TapState", state)),
        )
        return Run(
            plan,
            fetcher,
            emitter,
            self.ledger,
            Traces(
                self.store,
                self.settings.client_id,
                self.ledger.mark,
                scope=" ".join((account, *dates)),
                now=self.clock,
            ),
            self._interruption,
            allowance,
            self.settings.requests_per_second,
        )

    def _fetcher(self) -> tuple[Fetcher, Allowance]:
        """Wire what asks the API.

        Raises:
            StateError: The state is of another account.
        """
        self.ledger.belongs_to(self.authenticator.account())
        pacer, allowance = self.pacer_and_allowance()
        transport = Transport(self.settings, self.authenticator, pacer, allowance, self.patience)
        fetcher = Fetcher(
            transport,
            self.settings.api_url,
            self._interruption,
            skips_forbidden=self.settings.skips_forbidden,
            threads=self.threads,
        )
        return fetcher, allowance

    def pacer_and_allowance(self) -> tuple[Pacer, Allowance]:
        """Return the pace of the key, and its calls."""
        return pacer_and_allowance(
            self.store,
            self.settings.client_id,
            self.settings.requests_per_second,
            self.settings.limits,
            now=self.clock,
            sleep=self.sleep,
        )

    @cached_property
    def settings(self) -> Settings:
        """The settings, parsed."""
        return Settings.parse(self.config, version=self.plugin_version, now=self.clock())

    @cached_property
    def clock(self) -> Callable[[], datetime]:
        """The time, in UTC."""
        return lambda: datetime.now(UTC)

    @cached_property
    def sleep(self) -> Callable[[float], None]:
        """What waits for seconds."""
        return time.sleep

    @cached_property
    def patience(self) -> Patience:
        """How failures that pass are met."""
        return Patience()

    @cached_property
    def threads(self) -> int:
        """How many requests may be on their way at once."""
        return THREADS

    @cached_property
    def token_requests_per_second(self) -> float:
        """How often the authorization server may be asked."""
        return TOKEN_REQUESTS_PER_SECOND

    @cached_property
    def store(self) -> Store:
        """What outlives the run."""
        return open_store(self.settings.store, self.settings.store_keys)

    @cached_property
    def authenticator(self) -> Authenticator:
        """The one signature of all requests."""
        return Authenticator(
            Grants(self.store, self.settings),
            # Other processes wait meanwhile, and so does whoever wants the run to end.
            OAuthClient(
                self.settings,
                replace(self.patience, tries=TOKEN_TRIES),
                Pacer(
                    self.store,
                    f"token-{self.settings.client_id}",
                    self.token_requests_per_second,
                ),
            ),
            given=self.settings.access_token,
        )

    @cached_property
    def _interruption(self) -> Interruption:
        return Interruption()

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        self._interruption.request(signum)

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        properties = self.config_jsonschema["properties"]
        settings.as_number(self._config, properties)
        if raise_errors:
            settings.check_spelling(self._config, properties)
            if not self._config.get("client_id"):
                raise SettingsError(settings.NO_CLIENT_ID)
            settings.check_types(self._config, properties)
        return super()._validate_config(raise_errors=raise_errors)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        ctx.meta[SETTINGS_FILES] = [Path(name) for name in value if name != "ENV"]
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError) as error:
            raise SettingsError(f"--config {' '.join(value)} cannot be read: {error}") from None

    @classmethod
    @override
    def invoke(cls, **options: Any) -> None:
        checks: dict[str, Callable[[Any, str], object]] = {
            "state": lambda document, _: check_is_state(document),
            "catalog": catalog_of,
        }
        for name, check in checks.items():
            if options.get(name) is not None:
                options[name] = io.StringIO(_json_text(options[name], f"--{name}", check))
        # Rows are made and dropped by the million, and none of them refers to itself. Answers do,
        # with all their text: never to look for cycles would keep those.
        gc.freeze()
        gc.set_threshold(GARBAGE)
        with ExitStack() as folders:
            if not (options.get("about") or options.get("about_format")):
                for path in click.get_current_context().meta[SETTINGS_FILES]:
                    folders.enter_context(alone(path))
            super().invoke(**options)

    @classmethod
    @override
    def get_singer_command(cls) -> click.Command:
        if os.environ.get(LOG_FORMAT) == "json":
            for handler in logging.getLogger().handlers:
                handler.setFormatter(StructuredFormatter(defaults={"app_name": cls.name}))
        command = super().get_singer_command()
        return OneLineCommand(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            params=command.params,
            help=command.help,
            logger=cls.logger,
        )


def _json_text(file: IO[str], option: str, check: Callable[[Any, str], object]) -> str:
    """Return the text of a JSON file.

    Args:
        file: The file.
        option: The option that names it.
        check: Raises an error if what it says, of a file of this name, is not what it should be.

    Raises:
        SettingsError: It is none: half-written, perhaps, or another file.
    """
    try:
        text = file.read()
        document = json.loads(text)
    except ValueError as error:
        raise SettingsError(f"{option} {file.name} is not JSON: {error}") from None
    check(document, file.name)
    return text
